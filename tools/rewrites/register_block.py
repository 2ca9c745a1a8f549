"""Three loops that sum products over one of them become a register-blocked, packed contraction.

Recognised by subscripts, not by order or names: c[.. i .. j ..] += a[.. i .. p ..] * b[.. p .. j ..], as a perfect nest
in any of the six orders, or with a scalar that sums over p. Strides may be symbols; outer loops (a batch) stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.affine import NO_OVERLAP, Memory, Nest, Polynomial, nests, words_of
from tools.rewrites.contraction_template import ENTRY, SHAPES, Shape, contraction
from tools.rewrites.loops import FLOAT_TYPES, Loop, counted, element_type, is_plain, loops, writes
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import (
    Edit,
    Unit,
    canonical,
    field,
    helper_edit,
    indent,
    indentation,
    named,
    strip_parentheses,
)


@dataclass(frozen=True)
class Operand:
    """A use of an array: the node of its pointer, its subscript, the subscript's stride in each of the three loops."""

    array: str
    index: Polynomial
    strides: dict[str, Polynomial]


@dataclass(frozen=True)
class Contraction:
    loops: tuple[Loop, ...]
    outer: Node
    """What the call stands for, whole."""
    kind: str
    adds: bool
    result: Operand
    left: Operand
    right: Operand


@dataclass(frozen=True)
class _Found:
    """Three loops, what they stand in, and the statement `target op left * right` in words."""

    loops: tuple[Loop, ...]
    target: Node
    product: Node
    adds: bool


class RegisterBlock(Rewrite):
    name = "rewrite.register_block"
    prior = 0.95
    structural = True
    relieves = frozenset({"compute_bound", "latency_bound", "not_vectorised", "cache_misses", "memory_bound"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        if f"{ENTRY}(" in unit.source:
            return
        sites = [made for found in _found(unit) if (made := _contraction(unit, found)) is not None]
        for shape in SHAPES:
            for site in sites:
                variant = _blocked(unit, site, shape)
                if variant is not None:
                    yield variant


def _found(unit: Unit) -> Iterator[_Found]:
    everything = list(loops(unit))
    for nest in nests(unit, everything):
        for start in range(max(0, len(nest.loops) - 3) + 1):
            yield from _perfect(unit, nest, start)
    for outer in everything:
        yield from _with_scalar(unit, outer)


def _perfect(unit: Unit, nest: Nest, start: int) -> Iterator[_Found]:
    """`for for for c[..] += a[..] * b[..];`"""
    chosen = nest.loops[start : start + 3]
    statements = chosen[-1].statements if len(chosen) == 3 else ()
    update = _update(unit, statements[0]) if len(statements) == 1 else None
    if update is not None and field(update[0], "left").type == "subscript_expression":
        yield _Found(chosen, field(update[0], "left"), update[1], adds=True)


def _with_scalar(unit: Unit, outer: Loop) -> Iterator[_Found]:
    """`for for { T s = 0; for s += a[..] * b[..]; c[..] = s; }`, and the same with `c[..]` itself in place of `s`."""
    middle = counted(unit, outer.statements[0]) if len(outer.statements) == 1 else None
    if middle is None or outer.statements[0].type != "for_statement" or len(middle.statements) not in {2, 3}:
        return
    first, second, *third = middle.statements
    inner = counted(unit, second) if second.type == "for_statement" else None
    update = _update(unit, inner.statements[0]) if inner is not None and len(inner.statements) == 1 else None
    if inner is None or update is None:
        return
    summed = field(update[0], "left")
    made = [write for write in writes(unit, first)]
    if len(made) != 1 or made[0].value is None or made[0].operator not in {"=", "declare"}:
        return
    start = made[0].value
    if not third:
        zero = _is_zero(unit, start) and canonical(field(made[0].node, "left")) == canonical(summed)
        if made[0].operator == "=" and zero:
            yield _Found((outer, middle, inner), summed, update[1], adds=False)
        return
    if made[0].operator != "declare" or made[0].target != unit.of(summed):
        return
    last = _assignment(third[0])
    if last is None or canonical(field(last, "right")) != unit.of(summed):
        return
    target, sign = field(last, "left"), unit.of(field(last, "operator"))
    kept = canonical(start) == canonical(target) and sign == "="
    if kept or (_is_zero(unit, start) and sign in {"=", "+="}):
        yield _Found((outer, middle, inner), target, update[1], adds=kept or sign == "+=")


def _assignment(statement: Node) -> Node | None:
    inner = named(statement)[0] if statement.type == "expression_statement" and named(statement) else None
    return inner if inner is not None and inner.type == "assignment_expression" else None


def _update(unit: Unit, statement: Node) -> tuple[Node, Node] | None:
    """An assignment that adds a product to what it assigns, and the product."""
    made = _assignment(statement)
    if made is None:
        return None
    value = strip_parentheses(field(made, "right"))
    if unit.of(field(made, "operator")) == "=":
        if value.type != "binary_expression" or unit.of(field(value, "operator")) != "+":
            return None
        sides = [strip_parentheses(field(value, side)) for side in ("left", "right")]
        target = canonical(field(made, "left"))
        others = [side for side in sides if canonical(side) != target]
        if len(others) != 1:
            return None
        value = others[0]
    elif unit.of(field(made, "operator")) != "+=":
        return None
    is_product = value.type == "binary_expression" and unit.of(field(value, "operator")) == "*"
    return (made, value) if is_product else None


def _is_zero(unit: Unit, node: Node) -> bool:
    text = unit.of(strip_parentheses(node)).rstrip("fF")
    return text in {"0", "0.0", "0.", ".0"}


def _contraction(unit: Unit, found: _Found) -> Contraction | None:
    """Which loop is which, by who uses whose variable."""
    variables = [loop.variable for loop in found.loops]
    bounds = [part for loop in found.loops for part in (loop.lower, loop.bound)]
    if len(set(variables)) != 3 or not is_plain(unit, [found.target, found.product, *bounds]):
        return None
    if any(set(variables) & loop.range_names() for loop in found.loops):
        return None
    factors = [strip_parentheses(field(found.product, side)) for side in ("left", "right")]
    memory = Memory(unit, found.target)
    operands = [_operand(unit, memory, node, variables) for node in (found.target, *factors)]
    result, one, two = operands
    if result is None or one is None or two is None:
        return None
    used = [{v for v in variables if operand.strides[v].terms} for operand in (result, one, two)]
    if any(len(names) != 2 for names in used) or len({frozenset(names) for names in used}) != 3:
        return None
    kinds = {element_type(unit, found.target, name) for name in (result.array, one.array, two.array)}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind not in FLOAT_TYPES or result.array in {one.array, two.array}:
        return None
    (depth,) = used[1] & used[2]
    by_name = {loop.variable: loop for loop in found.loops}
    # Columns are where neighbours of the result lie side by side.
    columns = [v for v in used[0] if result.strides[v] == Polynomial.number(1)]
    if len(columns) != 1:
        return None
    col = columns[0]
    row = next(v for v in used[0] if v != col)
    left, right = (one, two) if row in used[1] else (two, one)
    order = tuple(by_name[name] for name in (row, col, depth))
    return Contraction(order, found.loops[0].node, kind or "", found.adds, result, left, right)


def _operand(unit: Unit, memory: Memory, node: Node, variables: Sequence[str]) -> Operand | None:
    if node.type != "subscript_expression":
        return None
    place = memory.place(field(node, "argument"))
    if place is None or len(place[0]) != 1:
        return None
    array = next(iter(place[0]))
    index = place[1] + memory.polynomial(field(node, "index"))
    strides = {}
    for name in variables:
        stride = index.coefficient(name)
        if stride is None or stride.atoms() & set(variables):
            return None
        strides[name] = stride
    # A constant local of the kind `x = 2` may hide in an atom; a variable of the loops must not.
    rest = index.without(variables)
    if any(set(variables) & words_of(atom) for atom in rest.atoms()):
        return None
    return Operand(array, index, strides)


def _blocked(unit: Unit, site: Contraction, shape: Shape) -> Variant | None:
    row, col, depth = site.loops
    helper = helper_edit(unit, contraction(site.kind, shape))
    if helper is None:
        return None
    count = [_count(unit, loop) for loop in site.loops]
    left, right, result = site.left, site.right, site.result
    starts = [_start(unit, operand, site.loops) for operand in (left, right, result)]
    call = (
        f"{ENTRY}({count[0]}, {count[1]}, {count[2]},\n"
        f"    {starts[0]}, {left.strides[row.variable].text()}, {left.strides[depth.variable].text()},\n"
        f"    {starts[1]}, {right.strides[depth.variable].text()}, {right.strides[col.variable].text()},\n"
        f"    {starts[2]}, {result.strides[row.variable].text()}, {int(site.adds)});"
    )
    edit = Edit(site.outer.start_byte, site.outer.end_byte, indent(call, indentation(unit, site.outer)))
    note = (
        f"line {unit.line_of(site.outer)}: sums over {depth.variable} in {shape.rows} x {shape.vectors} vector "
        f"registers, operands packed in panels (adds in another order; {NO_OVERLAP})"
    )
    return Variant(unit.apply([helper, edit]), note)


def _count(unit: Unit, loop: Loop) -> str:
    lower = unit.of(loop.lower)
    return loop.upper(unit) if lower == "0" else f"{loop.upper(unit)} - ({lower})"


def _start(unit: Unit, operand: Operand, found: Sequence[Loop]) -> str:
    """The address of the operand's first element."""
    index = operand.index.without([loop.variable for loop in found])
    for loop in found:
        lower = unit.of(loop.lower)
        if lower != "0":
            index = index + operand.strides[loop.variable] * Polynomial.atom(f"({lower})")
    return f"{operand.array} + {index.text()}" if index.terms else operand.array
