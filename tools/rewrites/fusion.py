"""Two neighbouring loops over one range become one, or one loop becomes two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tree_sitter import Node

from tools.rewrites.loops import Loop, accesses_only, is_affine, is_plain, loops, subscripts, writes
from tools.rewrites.recompute import between, written
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, canonical, field, identifiers, indent, indentation


class Fusion(Rewrite):
    name = "rewrite.fusion"
    prior = 0.45

    def variants(self, unit: Unit) -> Iterable[Variant]:
        found = list(loops(unit))
        for index, first in enumerate(found):
            for second in found[index + 1 :]:
                middle = between(first, second)
                same = middle is not None and not middle and first.same_range(second)
                if not same or not may_share_iterations(unit, first, first.statements, second.statements, second):
                    continue
                body = _joined(unit, first, second)
                edits = [
                    Edit(first.body.start_byte, first.body.end_byte, body),
                    Edit(second.node.start_byte, second.node.end_byte, ""),
                ]
                lines = f"{unit.line_of(first.node)} and {unit.line_of(second.node)}"
                yield Variant(unit.apply(edits), f"lines {lines}: loops fused (assumes no partial overlap of arrays)")


class Fission(Rewrite):
    name = "rewrite.fission"
    prior = 0.15

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for loop in loops(unit):
            statements = loop.statements
            if len(statements) < 2 or any(s.type in {"declaration", "for_statement"} for s in statements):
                continue
            for cut in range(1, len(statements)):
                head, tail = statements[:cut], statements[cut:]
                if not may_share_iterations(unit, loop, head, tail, loop):
                    continue
                edit = Edit(loop.node.start_byte, loop.node.end_byte, _parted(unit, loop, head, tail))
                note = f"line {unit.line_of(loop.node)}: loop parted after its statement {cut}"
                yield Variant(unit.apply([edit]), note + " (assumes no partial overlap of arrays)")


def may_share_iterations(unit: Unit, first: Loop, head: Sequence[Node], tail: Sequence[Node], second: Loop) -> bool:
    """`head` for all i, then `tail` for all i, gives what both in turn for each i give.

    So it is when the only things that pass between them are array elements at one subscript `i` (or `A + i`).
    """
    if not is_plain(unit, [*head, *tail]):
        return False
    made, remade = written(unit, head), written(unit, tail)
    used_by_tail = frozenset().union(*(identifiers(node) for node in tail))
    used_by_head = frozenset().union(*(identifiers(node) for node in head))
    shared = (made & used_by_tail) | (remade & used_by_head)
    if {first.variable, second.variable} & (made | remade) or (made | remade) & first.range_names():
        return False
    return all(_same_element(unit, head, tail, array, first, second) for array in shared)


def _same_element(
    unit: Unit, head: Sequence[Node], tail: Sequence[Node], array: str, first: Loop, second: Loop
) -> bool:
    found = [s for node in (*head, *tail) for s in subscripts(unit, node, array)]
    if not found or any(w.target == array and w.index is None for n in (*head, *tail) for w in writes(unit, n)):
        return False
    index = field(found[0], "index")
    if first.variable != second.variable or not is_affine(unit, index, first.variable):
        return False
    return all(accesses_only(unit, node, array, canonical(index)) for node in (*head, *tail))


def _joined(unit: Unit, first: Loop, second: Loop) -> str:
    """Both bodies in one block; the second in braces of its own, since both may declare the same local."""
    inner = unit.of(second.body)
    renamed = (
        inner if first.variable == second.variable else unit.render(second.body, {second.variable: first.variable})
    )
    text = f"{{\n    {unit.of(first.body)}\n    {renamed}\n}}"
    return indent(text, indentation(unit, first.node))


def _parted(unit: Unit, loop: Loop, head: Sequence[Node], tail: Sequence[Node]) -> str:
    header = unit.text[loop.node.start_byte : loop.body.start_byte].decode().rstrip()
    parts = ["\n    ".join(unit.of(statement) for statement in part) for part in (head, tail)]
    text = "{\n" + "\n".join(f"{header} {{\n    {part}\n}}" for part in parts) + "\n}"
    return indent(text, indentation(unit, loop.node))
