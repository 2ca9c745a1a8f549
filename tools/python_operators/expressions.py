"""Operators on the expressions and loops of a Python program, and on functions that two programs have in common."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from nightforge.domain.team import OperatorContext
from nightforge.domain.words import OperatorKind
from tools.python_operators.code import INSERTED, Code, Edit, walk
from tools.python_operators.operator import PythonOperator, Variant

_SIGNS: Mapping[type[ast.operator], Sequence[str]] = {
    ast.Add: ("-", "*"),
    ast.Sub: ("+",),
    ast.Mult: ("/", "+"),
    ast.Div: ("*",),
    ast.Pow: ("*",),
}
_COMPARED: Mapping[type[ast.cmpop], Sequence[str]] = {
    ast.Lt: ("<=", ">"),
    ast.LtE: ("<", ">="),
    ast.Gt: (">=", "<"),
    ast.GtE: (">", "<="),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
}
_CALLED: Mapping[str, Sequence[str]] = {
    "min": ("max",),
    "max": ("min",),
    "sqrt": ("abs",),
    "sin": ("cos",),
    "cos": ("sin",),
    "floor": ("ceil",),
    "ceil": ("floor",),
    "sorted": ("list",),
    "any": ("all",),
    "all": ("any",),
}
"""Names that stand for one another without another import, except where the program lacks the other one."""
_BUILT_IN = frozenset({"min", "max", "abs", "sorted", "list", "any", "all"})
_WEIGHTS = ("0.5", "0.9", "1.1", "2", "3")
_FACTORS = (0.5, 2, 3, 10)


class Expressions(PythonOperator):
    """One expression of a Python program: another operator, operands swapped, a part left out, weighed or raised."""

    name = "rewrite.python_expression"
    prior = 0.3

    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        edits = list(_edits(code, random))
        random.shuffle(edits)
        for edit, note in edits:
            yield Variant(code.with_edits([edit]), note)


def _edits(code: Code, random: Random) -> Iterator[tuple[Edit, str]]:
    for node in code.nodes():
        if not isinstance(node, ast.expr):
            continue
        before = code.text(node)
        for after in _others(code, node, random):
            yield Edit(*code.span(node), after), f"{_short(before)} -> {_short(after)}"


def _others(code: Code, node: ast.expr, random: Random) -> Iterator[str]:
    if isinstance(node, ast.BinOp):
        left, right = code.text(node.left), code.text(node.right)
        for sign in _SIGNS.get(type(node.op), ()):
            yield f"({left} {sign} {right})"
        yield f"({left})"
        yield f"({right})"
        if isinstance(node.op, ast.Sub | ast.Div):
            yield f"({right} {'-' if isinstance(node.op, ast.Sub) else '/'} {left})"
        yield (
            f"({left} {_sign(node.op)} {random.choice(_WEIGHTS)} * ({right}))"
            if _sign(node.op) in "+-"
            else (f"({code.text(node)}) ** {random.choice(('0.5', '1.5', '2'))}")
        )
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = code.text(node.left), code.text(node.comparators[0])
        for sign in _COMPARED.get(type(node.ops[0]), ()):
            yield f"{left} {sign} {right}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        for other in _CALLED.get(node.func.id, ()):
            if other in _BUILT_IN or any(
                isinstance(one, ast.alias) and one.name == other for one in ast.walk(code.tree)
            ):
                yield other + code.text(node)[len(code.text(node.func)) :]
    elif isinstance(node, ast.IfExp):
        test, body, rest = code.text(node.test), code.text(node.body), code.text(node.orelse)
        yield f"({rest} if {test} else {body})"
        yield f"({body})"
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and random.random() < 0.3:
        yield f"({random.choice(_WEIGHTS)} * {node.id})"


def _sign(operator: ast.operator) -> str:
    return {ast.Add: "+", ast.Sub: "-"}.get(type(operator), "*")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 50 else f"{line[:47]}..."


class Loops(PythonOperator):
    """More or fewer rounds of a loop over `range`, or a statement of a loop done several times."""

    name = "rewrite.python_loops"
    prior = 0.25

    def fits_code(self, code: Code) -> bool:
        return any(isinstance(node, ast.For | ast.While) for node in code.nodes())

    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        edits = [*_ranges(code), *_repeats(code)]
        random.shuffle(edits)
        for edit, note in edits:
            yield Variant(code.with_edits([edit]), note)


def _ranges(code: Code) -> Iterator[tuple[Edit, str]]:
    for call in _walked(code):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"):
            continue
        end = call.args[min(1, len(call.args) - 1)] if call.args else None
        if end is None or not code.may_change(call.lineno):
            continue
        text = code.text(end)
        for factor in _FACTORS:
            after = f"({text}) * {factor}" if factor >= 1 else f"max(1, ({text}) // 2)"
            yield Edit(*code.span(end), after), f"range: {_short(text)} -> {after}"


def _walked(code: Code) -> Iterator[ast.expr]:
    """What loops and comprehensions go over."""
    for node in code.nodes():
        if isinstance(node, ast.For):
            yield node.iter
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            yield from (generator.iter for generator in node.generators)


def _repeats(code: Code) -> Iterator[tuple[Edit, str]]:
    """A `for` statement again, two or four times: a sweep that is not enough."""
    for node in code.nodes():
        if isinstance(node, ast.For) and not node.orelse and code.text(node).count("\n") < 40:
            start, end = code.span(node)
            line = code.source.rfind("\n", 0, start) + 1
            indent = code.source[line:start]
            if indent.strip():
                continue
            body = "\n".join(f"    {row}" if row.strip() else row for row in code.source[line:end].splitlines())
            for times in (2, 4):
                yield Edit(line, end, f"{indent}for _ in range({times}):\n{body}"), f"a loop {times} times"


class CrossFunctions(PythonOperator):
    """A function of a Python program becomes that of a partner with the same name and parameters."""

    name = "crossover.python_functions"
    kind = OperatorKind.CROSSOVER
    prior = 0.3

    def fits_code(self, code: Code) -> bool:
        return any(True for _ in code.functions())

    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        partners = [(partner.ordinal, Code.parse(partner.source)) for partner in context.partners]
        random.shuffle(partners)
        for ordinal, other in partners:
            if other is None or other.has_blocks != code.has_blocks:
                continue
            for mine in code.functions():
                theirs = next((one for one in other.functions() if _same_form(mine, one)), None)
                if theirs is None or code.text(mine) == other.text(theirs) or not code.may_change(mine.lineno):
                    continue
                edits = [Edit(*code.span(mine), other.text(theirs))]
                end = code.span(mine)[1]
                helpers = _helpers(code, other, theirs)
                edits += [Edit(end, end, f"\n\n\n{text}") for text in reversed(helpers)]
                source = _apply(code, edits)
                yield Variant(source, f"{mine.name} of candidate {ordinal}")


def _apply(code: Code, edits: Sequence[Edit]) -> str:
    """A replaced function with what follows it: edits that touch at one place."""
    first, rest = edits[0], "".join(edit.text for edit in edits[1:])
    return code.source[: first.start] + first.text + rest + code.source[first.end :]


def _same_form(one: ast.FunctionDef, other: ast.FunctionDef) -> bool:
    return one.name == other.name and [a.arg for a in one.args.args] == [a.arg for a in other.args.args]


def _helpers(code: Code, other: Code, function: ast.FunctionDef) -> list[str]:
    """Functions that operators put in, which the new function calls and we lack, and those that they call."""
    have = {node.name for node in code.tree.body if isinstance(node, ast.FunctionDef)}
    there = {node.name: node for node in other.tree.body if isinstance(node, ast.FunctionDef)}
    wanted, found = [function], list[str]()
    while wanted:
        for node in walk(wanted.pop()):
            name = node.id if isinstance(node, ast.Name) else ""
            if name.startswith(INSERTED) and name in there and name not in have:
                have.add(name)
                found.append(other.text(there[name]))
                wanted.append(there[name])
    return found
