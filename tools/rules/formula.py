"""A formula: a tree of arithmetic over features, read from Python's syntax and printed back as such.

Plain `ast` instead of a genetic-programming library: a candidate is its source, so reading and printing are needed in
any case, and what is left of such a library then (choosing nodes, exchanging subtrees) is a few lines with units.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

NUMBER, TERMINAL = "number", "terminal"
ARITY: Mapping[str, int] = {"+": 2, "-": 2, "*": 2, "/": 2, "neg": 1, "min": 2, "max": 2, "abs": 1, "if": 4, "if=": 4}
"""`if` is (a, b, then, otherwise): `then if a < b else otherwise`; `if=` the same with `==`."""
CHOICES = ("if", "if=")
_BINARY: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_PRINTED: Mapping[str, ast.operator] = {"+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div()}
_DIGITS = 4
_LARGEST = 1e15
DEEPEST = 60
"""Deeper expressions are taken as one terminal: nothing here recurses without end."""


@dataclass(frozen=True)
class Formula:
    """`value` is the number of a NUMBER; `name` the Python text of a TERMINAL: a feature, or whatever else is not
    arithmetic (a call, a name), which stays as it is."""

    op: str
    args: tuple[Formula, ...] = ()
    value: float = 0.0
    name: str = ""

    @property
    def size(self) -> int:
        return 1 + sum(arg.size for arg in self.args)

    def walk(self, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Formula]]:
        """Every node with its place, root first."""
        yield path, self
        for index, arg in enumerate(self.args):
            yield from arg.walk((*path, index))

    def at(self, path: Sequence[int]) -> Formula:
        node = self
        for index in path:
            node = node.args[index]
        return node

    def put(self, path: Sequence[int], new: Formula) -> Formula:
        """The formula with `new` at `path`."""
        if not path:
            return new
        first, rest = path[0], path[1:]
        args = tuple(arg.put(rest, new) if index == first else arg for index, arg in enumerate(self.args))
        return Formula(self.op, args, self.value, self.name)

    def terminals(self) -> tuple[str, ...]:
        """Names in the order of their first use."""
        return tuple(dict.fromkeys(node.name for _, node in self.walk() if node.op == TERMINAL))


def number(value: float) -> Formula:
    return Formula(NUMBER, value=value)


def terminal(name: str) -> Formula:
    return Formula(TERMINAL, name=name)


def apply(op: str, *args: Formula) -> Formula:
    return Formula(op, args)


def quotient(top: Formula, bottom: Formula) -> Formula:
    """Division that cannot raise, as plain Python: the divisor is at least 1."""
    return apply("/", top, apply("max", bottom, number(1)))


def read(node: ast.expr, inlined: Mapping[str, Formula] | None = None, depth: int = 0) -> Formula:
    """Any expression; `inlined` are local variables with what was assigned to them."""
    known = inlined or {}
    if depth < DEEPEST:
        parts = _parts(node)
        if parts is not None:
            op, children = parts
            return Formula(op, tuple(read(child, known, depth + 1) for child in children))
        if isinstance(node, ast.Constant) and (value := _plain_number(node.value)) is not None:
            return number(value)
        if isinstance(node, ast.Name) and node.id in known:
            return known[node.id]
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str() as key)) if (
            name not in known and key.isidentifier()
        ):
            return terminal(f'{name}["{key}"]')
        case ast.Name(id=name):
            return terminal(name)
    return terminal(_text(_substituted(node, known)))


def _plain_number(value: object) -> float | None:
    """None for what is no number, is too large for one, or is a truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LARGEST:
        return None
    return float(value)


def _parts(node: ast.expr) -> tuple[str, Sequence[ast.expr]] | None:
    """Operator and operands where it is arithmetic that we know."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)], (left, right)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return "neg", (operand,)
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[one, other], keywords=[]):
            if not isinstance(one, ast.Starred) and not isinstance(other, ast.Starred):
                return name, (one, other)
        case ast.Call(func=ast.Name(id="abs"), args=[one], keywords=[]) if not isinstance(one, ast.Starred):
            return "abs", (one,)
        case ast.IfExp(test=ast.Compare(left=left, ops=[comparison], comparators=[right]), body=body, orelse=other):
            return _choice(comparison, left, right, body, other)
        case ast.IfExp(test=ast.Name() | ast.Subscript() | ast.BinOp() as test, body=body, orelse=other):
            return "if=", (test, ast.Constant(0), other, body)  # a number is true where it is not zero
    return None


def _choice(
    comparison: ast.cmpop, left: ast.expr, right: ast.expr, body: ast.expr, other: ast.expr
) -> tuple[str, Sequence[ast.expr]] | None:
    """With `<` or `==` alone: the other comparisons are these with sides or branches exchanged."""
    match comparison:
        case ast.Lt():
            return "if", (left, right, body, other)
        case ast.Gt():
            return "if", (right, left, body, other)
        case ast.GtE():
            return "if", (left, right, other, body)
        case ast.LtE():
            return "if", (right, left, other, body)
        case ast.Eq():
            return "if=", (left, right, body, other)
        case ast.NotEq():
            return "if=", (left, right, other, body)
    return None


def _substituted(node: ast.expr, known: Mapping[str, Formula]) -> ast.expr:
    """Local variables inside what is not arithmetic: they vanish with their assignments, and so are written out."""

    class Inline(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            found = known.get(name.id) if isinstance(name.ctx, ast.Load) else None
            return name if found is None else to_syntax(found)

    if not known:
        return node
    copy = ast.parse(ast.unparse(node), mode="eval")
    Inline().visit(copy)
    return ast.fix_missing_locations(copy.body)


def to_syntax(formula: Formula) -> ast.expr:
    args = [to_syntax(arg) for arg in formula.args]
    if formula.op == NUMBER:
        return _number_syntax(formula.value)
    if formula.op == TERMINAL:
        return ast.parse(formula.name, mode="eval").body
    if formula.op in _PRINTED:
        return ast.BinOp(args[0], _PRINTED[formula.op], args[1])
    if formula.op == "neg":
        return ast.UnaryOp(ast.USub(), args[0])
    if formula.op in CHOICES:
        comparison = ast.Lt() if formula.op == "if" else ast.Eq()
        return ast.IfExp(ast.Compare(args[0], [comparison], [args[1]]), args[2], args[3])
    return ast.Call(ast.Name(formula.op, ast.Load()), args, [])


def _number_syntax(value: float) -> ast.expr:
    short = float(f"{abs(value):.{_DIGITS}g}")
    constant = ast.Constant(int(short) if short.is_integer() and short < _LARGEST else short)
    return ast.UnaryOp(ast.USub(), constant) if value < 0 else constant


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if '"' in text or "\\" in text else text.replace("'", '"')


@lru_cache(maxsize=1024)
def text_of(formula: Formula) -> str:
    """Python. Reading it back gives the same formula, numbers rounded to four digits."""
    return _text(to_syntax(formula))


@lru_cache(maxsize=1024)
def parse(text: str) -> Formula:
    """Raises SyntaxError or ValueError for what is no expression."""
    return read(ast.parse(text.strip(), mode="eval").body)


Values = Sequence[float]


def arithmetic(formula: Formula, places: Mapping[str, int]) -> Callable[[Values], float]:
    """The same as `value_of`, for many values: terminals are read at their places.

    Its text is made here of numbers, places and operators alone; a terminal without a place is a KeyError when called.
    """
    made: Callable[[Values], float] = eval(f"lambda v: {_expression(formula, places)}", {"__builtins__": _CALLED})
    return made


_CALLED = {"min": min, "max": max, "abs": abs}


def _expression(formula: Formula, places: Mapping[str, int]) -> str:
    if formula.op == NUMBER:
        return f"({formula.value!r})"
    if formula.op == TERMINAL:
        return f"v[{places[formula.name]}]" if formula.name in places else "{}[0]"
    args = [_expression(arg, places) for arg in formula.args]
    if formula.op in CHOICES:
        return f"({args[2]} if {args[0]} {'<' if formula.op == 'if' else '=='} {args[1]} else {args[3]})"
    if formula.op == "neg":
        return f"(-{args[0]})"
    return f"{formula.op}({', '.join(args)})" if formula.op in _CALLED else f"({args[0]} {formula.op} {args[1]})"


def value_of(formula: Formula, values: Mapping[str, float]) -> float:
    """With a value for every terminal. Raises ArithmeticError (division by zero, overflow), KeyError."""
    return arithmetic(formula, {name: place for place, name in enumerate(values)})(tuple(values.values()))
