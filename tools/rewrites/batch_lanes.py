"""Layout of small batched problems: tiles of the batch are transposed so that one vector lane works on each problem.

    for (b) { ... a[b * size + e] ... }   with e of any form, the same for all b
->  for (tiles of b) { copy a to tile[e][lane]; each statement for all lanes, on tile[e][lane]; copy results back }

Matrices of a few rows fill no vector along their rows; across the batch they always do. The loops inside the body stay
as they are, with one loop over lanes around each innermost statement. Legal when each problem touches its own elements
only and the body's loops do not depend on the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.affine import NO_OVERLAP, Memory, Polynomial
from tools.rewrites.loops import FLOAT_TYPES, Loop, counted, element_type, enclosing_loops, is_plain, loops, writes
from tools.rewrites.rewrite import Rewrite, Variant, tunable
from tools.rewrites.syntax import Edit, Unit, field, identifiers, indent, indentation, named, walk

LANES = 16
CHOICES = (8, 16, 32, 64)
MOST_BYTES = 262_144
"""Of tiles on the stack; larger problems take the path of single ones."""


@dataclass(frozen=True)
class Field:
    """An array of which problem b uses the elements from b * size on."""

    array: str
    kind: str
    size: Polynomial
    start: Polynomial
    reads: bool
    writes: bool


@dataclass(frozen=True)
class Batch:
    loop: Loop
    fields: dict[str, Field]
    offsets: dict[int, tuple[str, Polynomial]]
    """Each subscript: its array, and where in the problem it is."""


class BatchLanes(Rewrite):
    name = "rewrite.batch_lanes"
    prior = 0.5
    structural = False
    relieves = frozenset({"not_vectorised", "compute_bound", "latency_bound"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for loop in loops(unit):
            if enclosing_loops(unit, loop.node) or len(enclosing_loops(unit, loop.body, below=True)) < 2:
                continue
            batch = _batch(unit, loop)
            if batch is not None:
                edit = Edit(loop.node.start_byte, loop.node.end_byte, _interleaved(unit, batch))
                note = f"line {unit.line_of(loop.node)}: {LANES} of {loop.variable} side by side in vector lanes"
                yield Variant(unit.apply([edit]), f"{note} ({NO_OVERLAP})")


def _batch(unit: Unit, loop: Loop) -> Batch | None:
    inside = enclosing_loops(unit, loop.body, below=True)
    if any(loop.variable in inner.range_names() for inner in inside) or not is_plain(unit, [loop.body, loop.bound]):
        return None
    if not _is_simple(unit, loop):
        return None
    found = Memory(unit, loop.body).accesses([loop.body])
    if not found:
        return None
    fields: dict[str, Field] = {}
    offsets: dict[int, tuple[str, Polynomial]] = {}
    moving = {loop.variable, *(inner.variable for inner in inside)}
    for access in found:
        if len(access.roots) != 1:
            return None
        array = next(iter(access.roots))
        kind, size = element_type(unit, access.node, array), access.index.coefficient(loop.variable)
        if kind not in FLOAT_TYPES or size is None or not size.terms or size.atoms() & moving:
            return None
        rest = access.index.without({loop.variable})
        start = rest.without(moving)
        start = start if start.constant is None else Polynomial()
        known = fields.get(array)
        writes_it = access.write is not None
        if known is not None and (known.size, known.start, known.kind) != (size, start, kind):
            return None
        reads = not writes_it or (access.write is not None and access.write.operator != "=")
        fields[array] = Field(
            array,
            kind,
            size,
            start,
            reads or (known is not None and known.reads),
            writes_it or bool(known and known.writes),
        )
        offsets[access.node.id] = (array, rest - start)
    written = [one for one in fields.values() if one.writes]
    return Batch(loop, fields, offsets) if written else None


def _is_simple(unit: Unit, loop: Loop) -> bool:
    """Loops, declarations of scalars and pointers, and assignments; the scalars that change are the body's own."""
    for node in walk(loop.body):
        if node.type in {"if_statement", "conditional_expression", "update_expression", "call_expression"}:
            is_step = node.type == "update_expression" and node.parent is not None
            if not (is_step and node.parent is not None and node.parent.type == "for_statement"):
                return False
        if node.type == "for_statement" and counted(unit, node) is None:
            return False
    declared = {write.target for write in writes(unit, loop.body) if write.operator == "declare"}
    bare = {w.target for w in writes(unit, loop.body) if w.index is None and w.operator not in {"declare", "++"}}
    return bare <= declared


def _interleaved(unit: Unit, batch: Batch) -> str:
    loop = batch.loop
    lanes, lane, first = unit.fresh("NF_LANES"), unit.fresh("nf_lane"), unit.fresh("nf_first")
    place = unit.fresh("nf_place")
    kind, upper = loop.type, loop.upper(unit)
    tiles = {one.array: unit.fresh(f"nf_tile_{one.array}") for one in batch.fields.values()}
    arrays, copies_in, copies_out, sizes = [], [], [], []
    for one in batch.fields.values():
        tile, size = tiles[one.array], one.size.text()
        sizes.append(f"({size}) * (long)sizeof({one.kind})")
        arrays.append(f"_Alignas(64) {one.kind} {tile}[({size}) * {lanes}];")
        at = f"{one.array} + ({first} + {lane}) * ({size})" + (f" + {one.start.text()}" if one.start.terms else "")
        loops_ = (
            f"for (long {lane} = 0; {lane} < {lanes}; {lane}++) for (long {place} = 0; {place} < {size}; {place}++)"
        )
        cell = f"{tile}[{place} * {lanes} + {lane}]"
        # Elements that the body leaves alone must come back as they were, so that even outputs are copied in.
        copies_in.append(f"{loops_} {cell} = ({at})[{place}];")
        if one.writes:
            copies_out.append(f"{loops_} ({at})[{place}] = {cell};")
    body = "\n".join(_lines(unit, batch, loop.statements, tiles, lanes, lane))
    single = unit.of(loop.body) if loop.body.type == "compound_statement" else f"{{ {unit.of(loop.body)} }}"
    begun, inside, ended = ("\n        ".join(part) for part in (arrays, copies_in, copies_out))
    text = f"""{{
{tunable(lanes, LANES, CHOICES)}    {kind} {first} = {unit.of(loop.lower)};
    if (({" + ".join(sizes)}) * {lanes} <= {MOST_BYTES}) for (; {first} + {lanes} <= {upper}; {first} += {lanes}) {{
        {begun}
        {inside}
        {indent(body, "        ")}
        {ended}
    }}
    for ({kind} {loop.variable} = {first}; {loop.variable} < {upper}; {loop.variable}++) {indent(single, "    ")}
}}"""
    return indent(text, indentation(unit, loop.node))


def _lines(
    unit: Unit, batch: Batch, statements: Sequence[Node], tiles: dict[str, str], lanes: str, lane: str
) -> list[str]:
    """The body over all lanes: loops as they are, each statement in a loop over lanes, scalars as arrays of lanes."""
    made: list[str] = []
    for node in statements:
        if node.type == "for_statement":
            inner = counted(unit, node)
            assert inner is not None
            head = unit.text[node.start_byte : inner.body.start_byte].decode().rstrip()
            below = "\n".join(_lines(unit, batch, inner.statements, tiles, lanes, lane))
            made.append(f"{head} {{\n    {indent(below, '    ')}\n}}")
        elif node.type == "compound_statement":
            made += ["{", *_lines(unit, batch, named(node), tiles, lanes, lane), "}"]
        elif node.type == "declaration":
            made += _declared(unit, batch, node, tiles, lanes, lane)
        else:
            made.append(
                f"for (long {lane} = 0; {lane} < {lanes}; {lane}++) {_over(unit, batch, node, tiles, lanes, lane)}"
            )
    return made


def _declared(unit: Unit, batch: Batch, node: Node, tiles: dict[str, str], lanes: str, lane: str) -> list[str]:
    """Scalars become arrays of lanes; pointers into the batch and whole numbers that only subscripts use vanish."""
    kind = unit.of(field(node, "type"))
    if kind not in FLOAT_TYPES or any("*" in unit.of(one) for one in node.children_by_field_name("declarator")):
        return [] if _is_index(unit, batch, node) else [unit.of(node)]
    made = []
    for one in node.children_by_field_name("declarator"):
        name = unit.of(field(one, "declarator")) if one.type == "init_declarator" else unit.of(one)
        made.append(f"_Alignas(64) {kind} {name}[{lanes}];")
        if one.type == "init_declarator":
            value = _over(unit, batch, field(one, "value"), tiles, lanes, lane)
            made.append(f"for (long {lane} = 0; {lane} < {lanes}; {lane}++) {name}[{lane}] = {value};")
    return made


def _is_index(unit: Unit, batch: Batch, node: Node) -> bool:
    """It is a pointer or uses the batch's variable: subscripts are written anew without it."""
    pointers = any("*" in unit.of(one) for one in node.children_by_field_name("declarator"))
    return pointers or batch.loop.variable in identifiers(node)


def _over(unit: Unit, batch: Batch, node: Node, tiles: dict[str, str], lanes: str, lane: str) -> str:
    """`node` for one lane."""
    nodes = {
        id_: f"{tiles[array]}[({where.text()}) * {lanes} + {lane}]" for id_, (array, where) in batch.offsets.items()
    }
    scalars = {
        name: f"{name}[{lane}]"
        for write in writes(unit, batch.loop.body)
        if write.operator == "declare" and (name := write.target) and _is_scalar(unit, write.node)
    }
    return unit.render(node, scalars, nodes)


def _is_scalar(unit: Unit, declarator: Node) -> bool:
    parent = declarator.parent
    known = parent is not None and parent.type == "declaration" and unit.of(field(parent, "type")) in FLOAT_TYPES
    return known and field(declarator, "declarator").type == "identifier"
