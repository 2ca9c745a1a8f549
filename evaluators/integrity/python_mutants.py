"""The fixed list of mutation operators for Python, over the syntax tree: constant, operator, comparison, bound, dropped
statement, swapped operand. First-order: each mutant differs from the correct program in one place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from evaluators.integrity.seams import Change
from nightforge.errors import UserError

_BINARY: Mapping[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-", "*")),
    ast.Sub: ("-", ("+", "*")),
    ast.Mult: ("*", ("+", "/")),
    ast.Div: ("/", ("*", "//")),
    ast.FloorDiv: ("//", ("*", "/")),
    ast.Mod: ("%", ("*", "//")),
    ast.Pow: ("**", ("*",)),
    ast.BitAnd: ("&", ("|", "^")),
    ast.BitOr: ("|", ("&", "^")),
    ast.BitXor: ("^", ("&", "|")),
    ast.LShift: ("<<", (">>",)),
    ast.RShift: (">>", ("<<",)),
}
_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">"),
    ast.LtE: ("<", ">="),
    ast.Gt: (">=", "<"),
    ast.GtE: (">", "<="),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
}
_SWAPPED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift)


def mutate_python(source: str) -> Iterator[Change]:
    """Every mutant of the fixed list that is a program. Raises UserError for a source that does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise UserError(f"mutants need a Python source that parses: {error}", where="python_mutants") from None
    lines = _Text(source)
    for node in _inside_functions(tree):
        for operator, target, text in _edits(lines, node):
            before = lines.of(target)
            if text == before:
                continue
            mutant = lines.with_text(target, text)
            if _parses(mutant):
                yield Change(operator, target.lineno, before, text, mutant)


class _Text:
    """Places of nodes in the source: `ast` counts columns in bytes of UTF-8."""

    def __init__(self, source: str) -> None:
        self._data = source.encode()
        self._starts = [0]
        for line in self._data.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[end_line - 1] + end

    def of(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self._data[start:end].decode()

    def with_text(self, node: ast.expr | ast.stmt, text: str) -> str:
        start, end = self._span(node)
        return (self._data[:start] + text.encode() + self._data[end:]).decode()


def _inside_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """What is computed: nodes of function bodies, and plain values that a module sets up for them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for part in node.body:
                yield from ast.walk(part)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            yield from ast.walk(node.value)


def _edits(lines: _Text, node: ast.AST) -> Iterator[tuple[str, ast.expr | ast.stmt, str]]:
    if isinstance(node, ast.Constant):
        yield from (("constant", node, text) for text in _other_constants(node.value))
    elif isinstance(node, ast.BinOp):
        yield from _binary(lines, node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = lines.of(node.left), lines.of(node.comparators[0])
        for sign in _COMPARISONS.get(type(node.ops[0]), ()):
            yield "comparison", node, f"{left} {sign} {right}"
    elif isinstance(node, ast.BoolOp):
        sign = " or " if isinstance(node.op, ast.And) else " and "
        yield "operator", node, sign.join(f"({lines.of(value)})" for value in node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield "operator", node, f"({lines.of(node.operand)})"
    elif isinstance(node, ast.If | ast.While):
        yield "operator", node.test, f"(not ({lines.of(node.test)}))"
    elif isinstance(node, ast.IfExp):
        yield "swapped operand", node, f"({lines.of(node.orelse)} if {lines.of(node.test)} else {lines.of(node.body)})"
    elif isinstance(node, ast.Return) and node.value is not None:
        yield "dropped statement", node, "return None"
    elif (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)) or isinstance(node, ast.AugAssign):
        yield "dropped statement", node, "pass"
    elif isinstance(node, ast.Call):
        yield from _call(lines, node)


def _binary(lines: _Text, node: ast.BinOp) -> Iterator[tuple[str, ast.expr, str]]:
    sign, others = _BINARY.get(type(node.op), ("", ()))
    left, right = f"({lines.of(node.left)})", f"({lines.of(node.right)})"
    for other in others:
        yield "operator", node, f"({left} {other} {right})"
    if isinstance(node.op, _SWAPPED):
        yield "swapped operand", node, f"({right} {sign} {left})"


def _call(lines: _Text, node: ast.Call) -> Iterator[tuple[str, ast.expr, str]]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name == "range" and node.args:
        last = node.args[-1] if len(node.args) < 3 else node.args[1]
        yield from (("bound", last, f"({lines.of(last)}) {sign} 1") for sign in "+-")
    elif len(node.args) >= 2 and not any(isinstance(one, ast.Starred) for one in node.args[:2]):
        first, second = lines.of(node.args[0]), lines.of(node.args[1])
        rest = [lines.of(one) for one in node.args[2:]]
        rest += [f"{one.arg}={lines.of(one.value)}" if one.arg else f"**{lines.of(one.value)}" for one in node.keywords]
        yield "swapped operand", node, f"{lines.of(node.func)}({', '.join([second, first, *rest])})"


def _other_constants(value: object) -> Iterator[str]:
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int):
        yield from (str(other) if other >= 0 else f"({other})" for other in sorted({value + 1, value - 1, 0} - {value}))
    elif isinstance(value, float):
        yield from (repr(other) for other in sorted({0.0, 2.0 * value, 1.01 * value} - {value}))


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True
