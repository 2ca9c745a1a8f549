"""Compute a stored intermediate again in the loop that reads it, instead of writing and reading it.

    for (i) { y[i] = e(i); s += y[i]; }            for (i) { const float v = e(i); s += v; }
    for (i) { y[i] = g(y[i]); }            ->      for (i) { const float v = e(i); y[i] = g(v); }

One write and one read of the array go; `e` is computed twice. Legal when `e` reads nothing that is written in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.loops import (
    Loop,
    Write,
    accesses_only,
    element_type,
    is_plain,
    loops,
    mentions,
    subscripts,
    writes,
)
from tools.rewrites.reductions import body_locals
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import (
    Edit,
    Unit,
    canonical,
    canonical_text,
    field,
    identifiers,
    identifiers_of,
    named,
    rename,
)


@dataclass(frozen=True)
class Store:
    """`array[index] = value;` as a direct statement of a loop, the array's only write there."""

    array: str
    type: str
    write: Write
    statement: Node
    position: int
    """Index among the loop's statements."""


def store_of(unit: Unit, loop: Loop, array: str) -> Store | None:
    found = [write for write in writes(unit, loop.body) if write.target == array]
    kind = element_type(unit, loop.node, array)
    if len(found) != 1 or found[0].index is None or kind is None or found[0].value is None:
        return None
    for position, statement in enumerate(loop.statements):
        if statement.type == "expression_statement" and named(statement)[0] == found[0].node:
            return Store(array, kind, found[0], statement, position)
    return None


def between(first: Loop, second: Loop) -> Sequence[Node] | None:
    """Statements between two loops of one block; None when they are not such a pair, in this order."""
    parent = first.node.parent
    if parent is None or parent != second.node.parent or parent.type != "compound_statement":
        return None
    if second.node.start_byte < first.node.end_byte:
        return None
    return [n for n in named(parent) if first.node.end_byte <= n.start_byte and n.end_byte <= second.node.start_byte]


def written(unit: Unit, nodes: Iterable[Node]) -> frozenset[str]:
    return frozenset(write.target for node in nodes for write in writes(unit, node))


class Recompute(Rewrite):
    name = "rewrite.recompute"
    prior = 0.92
    structural = True
    repeated = True
    relieves = frozenset({"memory_bound", "store_traffic", "cache_misses"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        found = list(loops(unit))
        for loop in found:
            yield from _overwritten(unit, loop)
        for index, first in enumerate(found):
            for second in found[index + 1 :]:
                yield from self._pair(unit, first, second)

    def _pair(self, unit: Unit, first: Loop, second: Loop) -> Iterator[Variant]:
        middle = between(first, second)
        if middle is None or not first.same_range(second):
            return
        for array in sorted(written(unit, [first.body]) & written(unit, [second.body])):
            variant = _recomputed(unit, first, second, middle, array) or _forwarded(unit, first, second, middle, array)
            if variant is not None:
                yield variant


def _recomputed(unit: Unit, first: Loop, second: Loop, middle: Sequence[Node], array: str) -> Variant | None:
    store, update = store_of(unit, first, array), store_of(unit, second, array)
    values = body_locals(unit, first)
    if store is None or update is None or values is None or store.write.operator != "=" or store.write.value is None:
        return None
    if not is_plain(unit, [first.body, *middle, second.body]) or not _same_element(unit, first, second, store, array):
        return None
    expression = unit.render(store.write.value, values)
    inputs = identifiers_of(expression) - {first.variable}
    touched = written(unit, [*middle, second.body])
    changed_here = written(unit, [first.body]) - values.keys() - {array}
    if inputs & (touched | changed_here | {array}) or first.range_names() & touched:
        return None
    if any(mentions(unit, node, array) for node in middle):
        return None
    again = unit.fresh("nf_again")
    reads = update.write.operator != "=" or len(subscripts(unit, second.body, array)) > 1
    if not reads:
        return None
    edits = [*_without_store(unit, first, store), *_with_value(unit, first, second, update, (again, expression))]
    note = (
        f"line {unit.line_of(second.node)}: recompute {array}[{first.variable}] instead of storing it at line "
        f"{unit.line_of(store.statement)} (assumes that {array} overlaps no other array partly)"
    )
    return Variant(unit.apply(edits), note)


def _forwarded(unit: Unit, first: Loop, second: Loop, middle: Sequence[Node], array: str) -> Variant | None:
    """The first loop only stores, what comes between reads the array at any subscript, the second overwrites it."""
    store, update = store_of(unit, first, array), store_of(unit, second, array)
    values = body_locals(unit, first)
    if store is None or update is None or values is None or store.write.operator != "=" or store.write.value is None:
        return None
    rest = [s for s in first.statements if s != store.statement and s.type != "declaration"]
    if rest or not is_plain(unit, [first.body, *middle, second.body]) or array in written(unit, middle):
        return None
    expression = unit.render(store.write.value, values)
    inputs = identifiers_of(expression) - {first.variable}
    touched = written(unit, [*middle, second.body]) - {array}
    if (
        inputs & (touched | {array})
        or first.range_names() & touched
        or not _same_element(unit, first, second, store, array)
    ):
        return None
    if store.write.index is None or unit.of(store.write.index) != first.variable:
        return None
    reads = [read for node in middle for read in subscripts(unit, node, array)]
    if not reads or len(reads) != sum(mentions(unit, node, array) for node in middle):
        return None
    edits = [Edit(first.node.start_byte, first.node.end_byte, "")]
    for read in reads:
        place = unit.of(field(read, "index"))
        simple = field(read, "index").type == "identifier"
        index = place if simple else f"({place})"
        edits.append(Edit(read.start_byte, read.end_byte, f"({rename(expression, first.variable, index)})"))
    again = unit.fresh("nf_again")
    edits += _with_value(unit, first, second, update, (again, expression))
    note = (
        f"line {unit.line_of(first.node)}: {array}[{first.variable}] computed where it is read, not stored (assumes "
        f"that nothing else of {array} is read before line {unit.line_of(second.node)}, and no partial overlap)"
    )
    return Variant(unit.apply(edits), note)


def _overwritten(unit: Unit, loop: Loop) -> Iterator[Variant]:
    """`a[i] = e; ... a[i] ...; a[i] = f;` in one iteration: the first value needs no memory."""
    stores: dict[str, list[tuple[int, Write]]] = {}
    for position, statement in enumerate(loop.statements):
        for write in writes(unit, statement):
            if write.index is not None:
                whole = statement.type == "expression_statement" and named(statement)[0] == write.node
                stores.setdefault(write.target, []).append((position if whole else -1, write))
    for array, found in stores.items():
        kind = element_type(unit, loop.node, array)
        if len(found) != 2 or kind is None or any(at < 0 or w.operator != "=" for at, w in found):
            continue
        (start, first), (_, last) = found
        index = first.index
        if index is None or first.value is None or not accesses_only(unit, loop.body, array, canonical(index)):
            continue
        changed = {w.target for w in writes(unit, loop.body) if w.index is None and w.operator != "declare"}
        if identifiers(index) & changed or not is_plain(unit, [loop.body]) or subscripts(unit, first.value, array):
            continue
        local, statement = unit.fresh("nf_value"), loop.statements[start]
        edits = [Edit(statement.start_byte, statement.end_byte, f"const {kind} {local} = {unit.of(first.value)};")]
        target = field(last.node, "left")
        for later in loop.statements[start + 1 :]:
            reads = [read for read in subscripts(unit, later, array) if read != target]
            edits += [Edit(read.start_byte, read.end_byte, local) for read in reads]
        note = f"line {unit.line_of(statement)}: {array} keeps its last value of an iteration only"
        yield Variant(unit.apply(edits), note)


def _same_element(unit: Unit, first: Loop, second: Loop, store: Store, array: str) -> bool:
    """Both loops touch `array` at one subscript only, the same after renaming the loop variable."""
    index = store.write.index
    if index is None or not accesses_only(unit, first.body, array, canonical(index)):
        return False
    early = [s for statement in first.statements[: store.position] for s in subscripts(unit, statement, array)]
    reads_itself = store.write.value is not None and subscripts(unit, store.write.value, array)
    if early or reads_itself or first.variable not in identifiers_of(unit.of(index)):
        return False
    wanted = canonical_text(rename(unit.of(index), first.variable, second.variable))
    other = [canonical(field(s, "index")) for s in subscripts(unit, second.body, array)]
    return len(other) == mentions(unit, second.body, array) and all(text == wanted for text in other)


def _without_store(unit: Unit, loop: Loop, store: Store) -> list[Edit]:
    """The store becomes a local; later reads of the element read the local."""
    later = [s for statement in loop.statements[store.position + 1 :] for s in subscripts(unit, statement, store.array)]
    if not later:
        following = loop.statements[store.position + 1 : store.position + 2]
        end = following[0].start_byte if following else store.statement.end_byte
        return [Edit(store.statement.start_byte, end, "" if following else ";")]
    local = unit.fresh("nf_value")
    value = unit.of(store.write.value) if store.write.value is not None else ""
    edits = [Edit(store.statement.start_byte, store.statement.end_byte, f"const {store.type} {local} = {value};")]
    return edits + [Edit(s.start_byte, s.end_byte, local) for s in later]


def _with_value(unit: Unit, first: Loop, second: Loop, update: Store, again: tuple[str, str]) -> list[Edit]:
    name, expression = again
    renamed = rename(expression, first.variable, second.variable)
    declaration = f"const {update.type} {name} = {renamed};"
    left, value = field(update.write.node, "left"), field(update.write.node, "right")
    edits: list[Edit] = []
    if update.write.operator != "=":
        arithmetic = update.write.operator.removesuffix("=")
        edits += [
            Edit(left.end_byte, value.start_byte, f" = {name} {arithmetic} ("),
            Edit(value.end_byte, value.end_byte, ")"),
        ]
    for statement in second.statements[: update.position + 1]:
        reads = [s for s in subscripts(unit, statement, update.array) if s != left]
        edits += [Edit(s.start_byte, s.end_byte, name) for s in reads]
    start = second.statements[0].start_byte
    if second.body.type == "compound_statement":
        return [Edit(start, start, declaration + " "), *edits]
    return [Edit(start, start, f"{{ {declaration} "), *edits, Edit(second.body.end_byte, second.body.end_byte, " }")]
