"""Write results into a small tile that stays in the cache, and copy it out with non-temporal stores.

An ordinary store reads the line that it overwrites; a non-temporal one does not. The compute loop stays plain C over
a local array, which no other pointer can alias, so that the compiler vectorises it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tree_sitter import Node

from tools.rewrites.affine import Memory
from tools.rewrites.loops import (
    FLOAT_TYPES,
    Loop,
    accesses_only,
    enclosing_loops,
    innermost,
    is_affine,
    is_plain,
    part_header,
    subscripts,
    writes,
)
from tools.rewrites.recompute import Store, store_of
from tools.rewrites.rewrite import Rewrite, Variant, tile_loop, tunable
from tools.rewrites.syntax import (
    Edit,
    Unit,
    asset,
    canonical,
    enclosing,
    field,
    helper_edit,
    indent,
    indentation,
    looped,
)

TILE_CHOICES = (64, 128, 256, 512, 1024, 2048)
TILE = 256


class StreamStore(Rewrite):
    name = "rewrite.stream_store"
    prior = 0.7
    structural = True
    relieves = frozenset({"memory_bound", "store_traffic", "near_roof"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        helper = helper_edit(unit, "" if "nf_stream(" in unit.source else asset("snippets/stream.h"))
        if helper is None:
            return
        found = [(loop, store) for loop in innermost(unit) if (store := _store(unit, loop)) is not None]
        # A loop that also reads what it writes gains less: the line is loaded anyway.
        for loop, store in sorted(found, key=lambda pair: _reads_target(unit, *pair)):
            note = (
                f"line {unit.line_of(loop.node)}: tile of {TILE} and streaming stores into {store.array} "
                f"(assumes that {store.array} overlaps no other array partly)"
            )
            edit = Edit(loop.node.start_byte, loop.node.end_byte, _tiled(unit, loop, store))
            yield Variant(unit.apply([helper, edit, outermost_end(unit, loop, "nf_stream_end();")]), note)


def is_read_back(unit: Unit, loop: Loop, array: str) -> bool:
    """Whether the loops around read the array again, elsewhere: then its lines had better stay in the caches."""
    outer = enclosing_loops(unit, loop.node)
    if not outer:
        return False
    found = Memory(unit, outer[-1].body).accesses([outer[-1].body])
    if found is None:
        return True
    mine = [one for one in found if _is_in(one.node, loop.node)]
    roots = frozenset({array}).union(*(one.roots for one in mine if one.write is not None))
    for one in found:
        is_read = one.write is None or one.write.operator != "="
        is_other = not _is_in(one.node, loop.node) or unit.of(field(one.node, "argument")) != array
        if is_read and is_other and one.roots & roots:
            return True
    return False


def _is_in(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte < outer.end_byte


def outermost_end(unit: Unit, loop: Loop, call: str) -> Edit:
    """`call` once after the outermost loop around `loop`: a fence for each row would cost more than the rows gain."""
    node, outer = loop.node, enclosing(loop.node, "for_statement")
    while outer is not None:
        node, outer = outer, enclosing(outer, "for_statement")
    parent = node.parent
    if parent is None or parent.type != "compound_statement":
        return Edit(loop.node.end_byte, loop.node.end_byte, f" {call}")
    return Edit(node.end_byte, node.end_byte, f"\n{indentation(unit, node)}{call}")


def _reads_target(unit: Unit, loop: Loop, store: Store) -> bool:
    return store.write.operator != "=" or len(subscripts(unit, loop.body, store.array)) > 1


def _store(unit: Unit, loop: Loop) -> Store | None:
    """The only array store of a loop whose neighbouring iterations write neighbouring elements."""
    arrays = {write.target for write in writes(unit, loop.body) if write.index is not None}
    if len(arrays) != 1 or not is_plain(unit, [loop.body, loop.bound, loop.lower]):
        return None
    array = arrays.pop()
    store = store_of(unit, loop, array)
    if store is None or store.type not in FLOAT_TYPES or store.write.index is None or array.startswith("nf_out"):
        return None
    index = store.write.index
    if not is_affine(unit, index, loop.variable) or not accesses_only(unit, loop.body, array, canonical(index)):
        return None
    if is_read_back(unit, loop, array):
        return None
    scalars = {write.target for write in writes(unit, loop.body)}
    moved = scalars & {unit.of(leaf) for leaf in index.children if leaf.type == "identifier"}
    return None if moved else store


def _tiled(unit: Unit, loop: Loop, store: Store) -> str:
    tile, out = unit.fresh("NF_OUT"), unit.fresh("nf_out")
    start, end = unit.fresh("nf_start"), unit.fresh("nf_end")
    upper, variable = loop.upper(unit), loop.variable
    slot = f"{out}[{variable} - {start}]"
    index = store.write.index
    assert index is not None
    target = f"&{store.array}[{unit.render(index, {variable: start})}]"
    body = unit.render(loop.body, {}, _slots(unit, loop, store, slot))
    compute = looped(part_header(loop, start, end), body)
    opening = tile_loop(loop.type, (tile, start, end), unit.of(loop.lower), upper)
    text = f"""{tunable(tile, TILE, TILE_CHOICES)}{opening}
    _Alignas(64) {store.type} {out}[{tile}];
    {indent(compute, "    ")}
    nf_stream({target}, {out}, (unsigned long)({end} - {start}) * sizeof({store.type}));
}}"""
    parent = loop.node.parent
    if parent is not None and parent.type != "compound_statement":
        text = "{\n" + text + "\n}"
    return indent(text, indentation(unit, loop.node))


def _slots(unit: Unit, loop: Loop, store: Store, slot: str) -> dict[int, str]:
    """What the body's nodes become: the store goes to the tile, and later reads of the element come from it."""
    assignment = store.write.node
    left, right = field(assignment, "left"), field(assignment, "right")
    nodes: dict[int, str] = {}
    if store.write.operator == "=":
        nodes[left.id] = slot
    else:
        arithmetic = store.write.operator.removesuffix("=")
        nodes[assignment.id] = f"{slot} = {unit.of(left)} {arithmetic} ({unit.of(right)})"
    later: list[Node] = list(loop.statements[store.position + 1 :])
    for statement in later:
        nodes.update({read.id: slot for read in subscripts(unit, statement, store.array)})
    return nodes
