"""Undo strip-mining: a loop over strips around a loop over one strip becomes one loop, so that others can rebuild it.

   for (s = lo; s < hi; s += B) { end = min(s + B, hi); part = 0; for (i = s; i < end; i++) part += f(i); sum += part; }
-> for (i = lo; i < hi; i++) sum += f(i);
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.loops import FLOAT_TYPES, INTEGER_TYPES, Loop, counted, mentions, scalar_type, statements_of
from tools.rewrites.reductions import is_zero, reductions
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import (
    Edit,
    Unit,
    canonical,
    canonical_text,
    field,
    indent,
    indentation,
    looped,
    named,
    strip_parentheses,
    walk,
)


@dataclass(frozen=True)
class Strips:
    """A strip-mined loop: `inner` runs over each strip of `outer`; `part` is added to `total` after each."""

    outer: Node
    inner: Loop
    lower: Node
    bound: Node
    part: str | None
    total: str | None


@dataclass(frozen=True)
class Outer:
    variable: str
    lower: Node
    bound: Node
    step: Node
    statements: tuple[Node, ...]


class Flatten(Rewrite):
    name = "rewrite.flatten"
    prior = 0.2

    def variants(self, unit: Unit) -> Iterable[Variant]:
        """Strips with a sum of their own stay: one long chain of additions is less exact."""
        yield from flattened(unit, sums=False)


def flattened(unit: Unit, *, sums: bool) -> Iterator[Variant]:
    for node in walk(unit.root):
        if node.type == "for_statement" and unit.editable(node):
            strips = strips_at(unit, node)
            if strips is not None and (sums or strips.part is None):
                yield Variant(_flat(unit, strips), f"line {unit.line_of(node)}: one loop instead of strips")


def strips_at(unit: Unit, node: Node) -> Strips | None:
    outer = outer_of(unit, node)
    if outer is None or not 2 <= len(outer.statements) <= 4:
        return None
    end = _declared(unit, outer.statements[0])
    inner = next((loop for s in outer.statements if s.type == "for_statement" and (loop := counted(unit, s))), None)
    if end is None or inner is None or not _is_minimum(unit, end[1], outer):
        return None
    covers = canonical(inner.lower) == outer.variable and canonical(inner.bound) == end[0] and not inner.inclusive
    if not covers or {end[0], outer.variable} & {unit.of(leaf) for leaf in walk(inner.body)}:
        return None
    rest = [s for s in outer.statements[1:] if s != inner.node]
    if not rest:
        return Strips(node, inner, outer.lower, outer.bound, None, None)
    partial = _partial(unit, rest, inner)
    return Strips(node, inner, outer.lower, outer.bound, *partial) if partial is not None else None


def outer_of(unit: Unit, node: Node) -> Outer | None:
    initializer, condition = node.child_by_field_name("initializer"), node.child_by_field_name("condition")
    update, body = node.child_by_field_name("update"), node.child_by_field_name("body")
    if initializer is None or condition is None or update is None or body is None:
        return None
    start = _declared(unit, initializer)
    condition = strip_parentheses(condition)
    if start is None or condition.type != "binary_expression" or update.type != "assignment_expression":
        return None
    is_loop = (
        unit.of(field(condition, "operator")) == "<"
        and unit.of(field(condition, "left")) == start[0]
        and unit.of(field(update, "operator")) == "+="
        and unit.of(field(update, "left")) == start[0]
        and field(update, "right").type in {"identifier", "number_literal"}
    )
    if not is_loop:
        return None
    return Outer(start[0], start[1], field(condition, "right"), field(update, "right"), statements_of(body))


def _declared(unit: Unit, statement: Node) -> tuple[str, Node] | None:
    """Name and value of `TYPE name = value;` with an integer type."""
    if statement.type != "declaration" or unit.of(field(statement, "type")) not in INTEGER_TYPES:
        return None
    declarators = statement.children_by_field_name("declarator")
    if len(declarators) != 1 or declarators[0].type != "init_declarator":
        return None
    return unit.of(field(declarators[0], "declarator")), field(declarators[0], "value")


def _is_minimum(unit: Unit, value: Node, outer: Outer) -> bool:
    """`value` is min(start + step, bound), in one of the ways that people write it."""
    value = strip_parentheses(value)
    if value.type != "conditional_expression":
        return False
    bound, step = unit.of(outer.bound), unit.of(outer.step)
    ahead, behind = f"{outer.variable} + {step}", f"{bound} - {outer.variable}"
    forms = set()
    for less in ("<", "<="):
        more = less.replace("<", ">")
        forms |= {
            f"{ahead} {less} {bound} ? {ahead} : {bound}",
            f"{bound} {more} {ahead} ? {ahead} : {bound}",
            f"{ahead} {more} {bound} ? {bound} : {ahead}",
            f"{bound} {less} {ahead} ? {bound} : {ahead}",
            f"{behind} {less} {step} ? {bound} : {ahead}",
            f"{behind} {more} {step} ? {ahead} : {bound}",
        }
    return canonical(value) in {canonical_text(form) for form in forms}


def _partial(unit: Unit, rest: Sequence[Node], inner: Loop) -> tuple[str, str] | None:
    """Names of the strip's sum and of the total when `rest` is `T part = 0;` before and `total += part;` after."""
    if len(rest) != 2 or not rest[0].end_byte <= inner.node.start_byte < inner.node.end_byte <= rest[1].start_byte:
        return None
    before, after = rest
    declarators = before.children_by_field_name("declarator") if before.type == "declaration" else []
    if len(declarators) != 1 or declarators[0].type != "init_declarator":
        return None
    part = unit.of(field(declarators[0], "declarator"))
    sums = [r for r in reductions(unit, inner) if r.kind == "sum" and r.accumulator == part]
    if not sums or not is_zero(unit, field(declarators[0], "value")) or after.type != "expression_statement":
        return None
    update = named(after)[0]
    if update.type != "assignment_expression" or field(update, "left").type != "identifier":
        return None
    total = unit.of(field(update, "left"))
    adds = canonical(update) in {
        f"assignment_expression({total} += {part})",
        f"assignment_expression({total} = {canonical_text(f'{total} + {part}')})",
        f"assignment_expression({total} = {canonical_text(f'{part} + {total}')})",
    }
    known = scalar_type(unit, inner.node, total) in FLOAT_TYPES and not mentions(unit, inner.node, total)
    return (part, total) if adds and known else None


def _flat(unit: Unit, strips: Strips) -> str:
    loop = strips.inner
    names = {strips.part: strips.total} if strips.part is not None and strips.total is not None else {}
    header = (
        f"for ({loop.type} {loop.variable} = {unit.of(strips.lower)}; "
        f"{loop.variable} < {unit.of(strips.bound)}; {loop.variable}++)"
    )
    text = looped(header, unit.render(loop.body, names))
    edit = Edit(strips.outer.start_byte, strips.outer.end_byte, indent(text, indentation(unit, strips.outer)))
    return unit.apply([edit])
