"""Alignment: start the main loop where its stores begin a cache line, and put locals on one.

A vector as wide as a cache line that starts within one touches two. Where the first element stands is known only when
the program runs, so single iterations go first until the element to be stored lies on a line; the loop stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from tools.rewrites.loops import FLOAT_TYPES, Loop, element_type, innermost, is_affine, is_plain, writes
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, dedent, field, functions, indent, indentation, named, walk

LINE = 64


class Align(Rewrite):
    name = "rewrite.align"
    prior = 0.3
    relieves = frozenset({"cache_misses", "memory_bound", "store_traffic", "compute_bound"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for loop in innermost(unit):
            target = _first_store(unit, loop)
            if target is not None:
                edit = Edit(loop.node.start_byte, loop.node.end_byte, _peeled(unit, loop, target))
                note = f"line {unit.line_of(loop.node)}: single iterations until {unit.of(target)} begins a cache line"
                yield Variant(unit.apply([edit]), note)
        for declaration in _local_arrays(unit):
            edit = Edit(declaration.start_byte, declaration.start_byte, f"_Alignas({LINE}) ")
            yield Variant(unit.apply([edit]), f"line {unit.line_of(declaration)}: local array on a cache line")


def _first_store(unit: Unit, loop: Loop) -> Node | None:
    """`a[.. + i]` of the loop's first store to neighbouring elements; None when its start is chosen already."""
    parent = loop.node.parent
    if parent is None or not is_plain(unit, [loop.body, loop.lower, loop.bound]):
        return None
    if b"% 64" in unit.text[parent.start_byte : loop.node.end_byte]:
        return None
    for write in writes(unit, loop.body):
        if write.index is None or not is_affine(unit, write.index, loop.variable):
            continue
        target = field(write.node, "left") if write.node.type == "assignment_expression" else None
        if target is not None and element_type(unit, target, write.target) in FLOAT_TYPES:
            return target
    return None


def _peeled(unit: Unit, loop: Loop, target: Node) -> str:
    variable, upper, kind = loop.variable, loop.upper(unit), loop.type
    first = unit.fresh("nf_first")
    body = dedent(unit.of(loop.body))
    body = body if body.startswith("{") else f"{{ {body} }}"
    place = unit.render(target, {variable: first})
    single = unit.render(loop.body, {variable: first})
    single = dedent(single) if single.startswith("{") else f"{{ {dedent(single)} }}"
    text = f"""{{
    {kind} {first} = {unit.of(loop.lower)};
    for (; {first} < {upper} && (unsigned long)&{place} % {LINE} != 0; {first}++) {indent(single, "    ")}
    for ({kind} {variable} = {first}; {variable} < {upper}; {variable}++) {indent(body, "    ")}
}}"""
    return indent(text, indentation(unit, loop.node))


def _local_arrays(unit: Unit) -> Iterator[Node]:
    """Arrays of numbers on the stack, of which nothing says where they begin."""
    for function in functions(unit):
        for node in walk(field(function, "body")):
            if node.type != "declaration" or unit.of(field(node, "type")) not in FLOAT_TYPES:
                continue
            declarators = node.children_by_field_name("declarator")
            is_array = any(one.type == "array_declarator" for one in declarators)
            if is_array and len(declarators) == len(named(node)) - 1 and unit.editable(node):
                yield node
