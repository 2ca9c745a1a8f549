"""Ask for the next strip's data while a strip is worked on."""

from __future__ import annotations

from collections.abc import Iterable

from tree_sitter import Node

from tools.rewrites.flatten import outer_of
from tools.rewrites.loops import FLOAT_TYPES, counted, element_type, is_affine, writes
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, field, identifiers, indentation, walk

LINE_BYTES = 64
_BYTES = {"float": 4, "double": 8}


class Prefetch(Rewrite):
    name = "rewrite.prefetch"
    prior = 0.2

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for node in walk(unit.root):
            if node.type != "for_statement" or not unit.editable(node):
                continue
            outer = outer_of(unit, node)
            if outer is None or not outer.statements or field(node, "body").type != "compound_statement":
                continue
            for array, kind in _read_only(unit, node, outer.variable).items():
                step, position = unit.of(outer.step), unit.fresh("nf_ahead")
                ahead = f"{outer.variable} + {step} + {position}"
                text = (
                    f"for (int {position} = 0; {position} < {step}; {position} += {LINE_BYTES // _BYTES[kind]}) "
                    f"__builtin_prefetch(&{array}[{ahead}], 0, 3);\n{indentation(unit, outer.statements[0])}"
                )
                start = outer.statements[0].start_byte
                note = f"line {unit.line_of(node)}: prefetch the next strip of {array}"
                yield Variant(unit.apply([Edit(start, start, text)]), note)


def _read_only(unit: Unit, node: Node, variable: str) -> dict[str, str]:
    """Arrays that the inner loops from `variable` on read at their own index, and never write; with element types."""
    found: dict[str, str] = {}
    changed = {write.target for write in writes(unit, node)}
    for child in walk(field(node, "body")):
        loop = counted(unit, child) if child.type == "for_statement" else None
        if loop is None or unit.of(loop.lower) != variable:
            continue
        for access in walk(loop.body):
            if access.type != "subscript_expression" or field(access, "argument").type != "identifier":
                continue
            array, index = unit.of(field(access, "argument")), field(access, "index")
            kind = element_type(unit, access, array)
            direct = is_affine(unit, index, loop.variable) and identifiers(index) == {loop.variable}
            if direct and array not in changed and kind in FLOAT_TYPES:
                found[array] = kind or ""
    return found
