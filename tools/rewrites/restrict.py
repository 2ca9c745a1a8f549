"""Promise that the function's pointers to numbers do not overlap, so that the compiler needs no run-time checks."""

from __future__ import annotations

from collections.abc import Iterable

from tree_sitter import Node

from tools.rewrites.loops import FLOAT_TYPES, INTEGER_TYPES
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, field, function_name, functions, identifiers, named, walk


class Restrict(Rewrite):
    name = "rewrite.restrict"
    prior = 0.35

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for function in functions(unit):
            found = [node for node in _pointers(unit, function) if unit.editable(node)]
            edits = [Edit(node.start_byte + 1, node.start_byte + 1, "restrict ") for node in found]
            if edits:
                note = f"{function_name(unit, function)}: restrict on {len(edits)} pointer(s) (assumes no overlap)"
                yield Variant(unit.apply(edits), note)


def _pointers(unit: Unit, function: Node) -> list[Node]:
    """Plain pointers to numbers without `restrict`, but for those made from another pointer of the function."""
    candidates: list[tuple[str, Node, Node | None]] = []
    for node in walk(function):
        if node.type not in {"declaration", "parameter_declaration"}:
            continue
        if unit.of(field(node, "type")) not in FLOAT_TYPES | INTEGER_TYPES:
            continue
        for declarator in node.children_by_field_name("declarator"):
            has_value = declarator.type == "init_declarator"
            pointer = field(declarator, "declarator") if has_value else declarator
            if pointer.type == "pointer_declarator" and field(pointer, "declarator").type == "identifier":
                value = field(declarator, "value") if has_value else None
                candidates.append((unit.of(field(pointer, "declarator")), pointer, value))
    names = {name for name, _, _ in candidates}
    return [
        pointer
        for _, pointer, value in candidates
        if not any(child.type == "type_qualifier" for child in named(pointer))
        and (value is None or not identifiers(value) & names)
    ]
