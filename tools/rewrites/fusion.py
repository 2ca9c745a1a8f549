"""Two neighbouring loops over one range become one, or one loop becomes two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tree_sitter import Node

from tools.rewrites.affine import Memory, apart
from tools.rewrites.loops import Loop, accesses_only, is_affine, is_plain, loops, subscripts, writes
from tools.rewrites.recompute import between, written
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, canonical, field, identifiers, indent, indentation


class Fusion(Rewrite):
    name = "rewrite.fusion"
    prior = 0.97
    structural = True
    repeated = True
    relieves = frozenset({"memory_bound", "store_traffic", "cache_misses"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        found = list(loops(unit))
        for index, first in enumerate(found):
            for second in found[index + 1 :]:
                middle = between(first, second)
                if middle is None or not first.same_range(second) or not _can_go_first(unit, first, middle):
                    continue
                if not may_share_iterations(
                    unit, first, first.statements, second.statements, second
                ) and not _same_rows(unit, first, second):
                    continue
                yield _fused(unit, first, second, middle)


def _fused(unit: Unit, first: Loop, second: Loop, middle: Sequence[Node]) -> Variant:
    before = "".join(unit.of(node) + "\n" + indentation(unit, first.node) for node in middle)
    edits = [
        Edit(first.node.start_byte, first.node.start_byte, before),
        Edit(first.body.start_byte, first.body.end_byte, _joined(unit, first, second)),
        *(Edit(node.start_byte, node.end_byte, "") for node in middle),
        Edit(second.node.start_byte, second.node.end_byte, ""),
    ]
    lines = f"{unit.line_of(first.node)} and {unit.line_of(second.node)}"
    return Variant(unit.apply(edits), f"lines {lines}: loops fused (assumes no partial overlap of arrays)")


def _can_go_first(unit: Unit, first: Loop, middle: Sequence[Node]) -> bool:
    """What stands between the loops are declarations that the first loop neither makes nor uses."""
    made, used = written(unit, [first.body]), identifiers(first.node)
    if any(node.type != "declaration" for node in middle) or not is_plain(unit, middle):
        return False
    return not any(identifiers(node) & made or written(unit, [node]) & used for node in middle)


def _same_rows(unit: Unit, first: Loop, second: Loop) -> bool:
    """Both loops use shared arrays in the same iteration only, by the distance of their subscripts."""
    bodies = (first.body, second.body)
    if not is_plain(unit, bodies):
        return False
    for loop in (first, second):
        bare = {w.target for w in writes(unit, loop.body) if w.index is None and w.operator != "declare"}
        declared = {w.target for w in writes(unit, loop.body) if w.operator == "declare"}
        if bare - declared or written(unit, bodies) & first.range_names():
            return False
    memory = Memory(unit, first.body)
    ones, twos = memory.accesses([first.body]), memory.accesses([second.body])
    if ones is None or twos is None:
        return False
    pairs = [(one, two) for one in ones for two in twos if one.may_meet(two)]
    return all(apart(unit, (first, one), (second, two)) == 0 for one, two in pairs)


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
    """The statements of both in one block, so that other rewrites see them side by side.

    A local that both declare alike, and that stays as it is, is declared once; another one of the second's gets a new
    name.
    """
    names = {} if first.variable == second.variable else {second.variable: first.variable}
    mine = {name: node for node in first.statements for name in _declared(unit, node)}
    kept = []
    for statement in second.statements:
        same = False
        for name in _declared(unit, statement):
            if name not in mine:
                continue
            alike = unit.render(statement, names) == unit.of(mine[name]) and _stays(unit, first, second, mine[name])
            same = same or alike
            if not alike:
                names[name] = unit.fresh(f"nf_{name}")
        if not same:
            kept.append(statement)
    lines = [*(unit.of(node) for node in first.statements), *(unit.render(node, names) for node in kept)]
    return indent("{\n    " + "\n    ".join(lines) + "\n}", indentation(unit, first.node))


def _declared(unit: Unit, node: Node) -> list[str]:
    return [write.target for write in writes(unit, node)] if node.type == "declaration" else []


def _stays(unit: Unit, first: Loop, second: Loop, declaration: Node) -> bool:
    """Neither what it declares nor what it is made of is changed by either body."""
    if len(declaration.children_by_field_name("declarator")) != 1:
        return False
    changed = [w.target for body in (first.body, second.body) for w in writes(unit, body) if w.operator != "declare"]
    bare = {w.target for b in (first.body, second.body) for w in writes(unit, b) if w.index is None}
    (name,) = _declared(unit, declaration)
    inputs = identifiers(declaration) - {name, first.variable}
    is_pointer = "*" in unit.of(declaration).split("=")[0]
    return (
        is_pointer
        and not inputs & (set(changed) | bare)
        and name
        not in {
            w.target
            for b in (first.body, second.body)
            for w in writes(unit, b)
            if w.index is None and w.operator != "declare"
        }
    )


def _parted(unit: Unit, loop: Loop, head: Sequence[Node], tail: Sequence[Node]) -> str:
    header = unit.text[loop.node.start_byte : loop.body.start_byte].decode().rstrip()
    parts = ["\n    ".join(unit.of(statement) for statement in part) for part in (head, tail)]
    text = "{\n" + "\n".join(f"{header} {{\n    {part}\n}}" for part in parts) + "\n}"
    return indent(text, indentation(unit, loop.node))
