"""Time tiling: several sweeps over an array follow one another row by row while the rows are still in a cache.

    for (t) for (r) next[r] = f(now[r - 1], now[r], now[r + 1]), buffers swapped
->  for (t in strips) for (front) for (t) { r = front - skew * (t - start); the same statement }

The loop over sweeps is tiled, the loop over rows is skewed by the stencil's reach, and both are interchanged (wavefront
form: M. Wolf and M. Lam, PLDI 1991). Each row is computed from the same values in the same order, so that the result is
the same to the bit. Legal when no statement reaches further along the rows than the skew; buffers that are exchanged
count as one. A sweep may consist of several loops over rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from tree_sitter import Node

from tools.rewrites.affine import NO_OVERLAP, Access, Memory, apart
from tools.rewrites.loops import Loop, counted, element_type, is_plain, loops, writes
from tools.rewrites.rewrite import Rewrite, Variant, tunable
from tools.rewrites.syntax import Edit, Unit, dedent, field, identifiers, indent, indentation

SWEEPS = 8
CHOICES = (2, 4, 8, 16, 32)
ROWS = 4
ROW_CHOICES = (1, 2, 4, 8, 16)
_MOST_SKEW = 8


@dataclass(frozen=True)
class Swap:
    """`T *spare = one; one = two; two = spare;` at the end of a sweep."""

    one: str
    two: str
    type: str


@dataclass(frozen=True)
class Carry:
    """`from = to;` at the end of a sweep, where `to` is declared in it as `value`, a function of the sweep alone."""

    pointer: str
    type: str
    value: Node


@dataclass(frozen=True)
class Sweep:
    """A loop over sweeps: what each declares, its loops over rows, how the buffers change at its end."""

    time: Loop
    declared: tuple[Node, ...]
    stages: tuple[Loop, ...]
    swap: Swap | Carry | None
    skew: int


class TimeTile(Rewrite):
    name = "rewrite.time_tile"
    prior = 0.95
    structural = True
    relieves = frozenset({"memory_bound", "cache_misses", "store_traffic", "near_roof"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for loop in loops(unit):
            sweep = _sweep(unit, loop)
            if sweep is None:
                continue
            edit = Edit(loop.node.start_byte, loop.node.end_byte, _tiled(unit, sweep))
            note = (
                f"line {unit.line_of(loop.node)}: {SWEEPS} sweeps of {loop.variable} follow one another by rows, "
                f"skewed by {sweep.skew} ({NO_OVERLAP}, each subscript in its row)"
            )
            yield Variant(unit.apply([edit]), note)


def _sweep(unit: Unit, time: Loop) -> Sweep | None:
    swap, rest = _ending(unit, time)
    declared = tuple(node for node in rest if node.type == "declaration")
    body = [node for node in rest if node.type != "declaration"]
    stages = [counted(unit, node) if node.type == "for_statement" else None for node in body]
    found = tuple(stage for stage in stages if stage is not None)
    if not found or len(found) != len(stages) or any(d.start_byte > found[0].node.start_byte for d in declared):
        return None
    if any(time.variable in stage.range_names() for stage in found) or not _is_pure(unit, time, declared, found):
        return None
    skew = _skew(unit, time, found)
    return Sweep(time, declared, found, swap, skew) if skew is not None else None


def _is_pure(unit: Unit, time: Loop, declared: Sequence[Node], stages: Sequence[Loop]) -> bool:
    """All that a sweep leaves behind are elements of arrays."""
    bodies = [*(stage.body for stage in stages), *declared, time.lower, time.bound]
    names = {write.target for node in declared for write in writes(unit, node)}
    for stage in stages:
        local = {write.target for write in writes(unit, stage.body) if write.operator == "declare"}
        bare = {w.target for w in writes(unit, stage.body) if w.index is None and w.operator != "declare"}
        changed = {write.target for write in writes(unit, stage.body)}
        if bare - local or changed & (stage.range_names() | {time.variable}) or names & stage.range_names():
            return False
    return is_plain(unit, bodies)


def _ending(unit: Unit, time: Loop) -> tuple[Swap | Carry | None, Sequence[Node]]:
    carry = _carry(unit, time)
    return (carry, time.statements[:-1]) if carry is not None else _swap(unit, time.statements)


def _carry(unit: Unit, time: Loop) -> Carry | None:
    last = time.statements[-1]
    made = list(writes(unit, last)) if last.type == "expression_statement" else []
    if len(made) != 1 or made[0].operator != "=" or made[0].value is None or made[0].value.type != "identifier":
        return None
    pointer, source = made[0].target, unit.of(made[0].value)
    kind = element_type(unit, time.node, pointer)
    values = [
        write.value
        for node in time.statements
        if node.type == "declaration"
        for write in writes(unit, node)
        if write.target == source
    ]
    if made[0].index is not None or kind is None or len(values) != 1 or values[0] is None:
        return None
    all_writes = [write for write in writes(unit, time.body) if write.index is None]
    if sum(write.target == pointer for write in all_writes) != 1 or not is_plain(unit, [values[0]]):
        return None
    if identifiers(values[0]) & {write.target for write in all_writes}:
        return None
    return Carry(pointer, kind, values[0])


def _swap(unit: Unit, statements: Sequence[Node]) -> tuple[Swap | None, Sequence[Node]]:
    """The exchange of two pointers at the end, and the statements before it."""
    if len(statements) < 4:
        return None, statements
    *rest, first, second, third = statements
    if first.type != "declaration" or second.type != "expression_statement" or third.type != "expression_statement":
        return None, statements
    made = [write for node in (first, second, third) for write in writes(unit, node)]
    if len(made) != 3 or any(one.value is None or one.value.type != "identifier" for one in made):
        return None, statements
    spare, one, two = (write.target for write in made)
    values = [unit.of(write.value) for write in made if write.value is not None]
    is_swap = values == [one, two, spare] and made[0].operator == "declare" and made[1].operator == "="
    pointer = first.children_by_field_name("declarator")[0]
    if not is_swap or field(pointer, "declarator").type != "pointer_declarator":
        return None, statements
    return Swap(one, two, unit.of(field(first, "type"))), rest


def _skew(unit: Unit, time: Loop, stages: Sequence[Loop]) -> int | None:
    """By how many rows a sweep must stay behind the one before it; None when that is not known."""
    memory = Memory(unit, time.body)
    seen: list[tuple[Loop, Access]] = []
    for stage in stages:
        found = memory.accesses([stage.body])
        if found is None:
            return None
        seen += [(stage, access) for access in found]
    reach, wrote = 0, False
    for (first, one), (second, two) in product(seen, seen):
        if not one.may_meet(two):
            continue
        wrote = True
        steps = apart(unit, (first, one), (second, two))
        if steps is None or time.variable in one.index.atoms():
            return None
        reach = max(reach, abs(steps))
    return reach if wrote and 1 <= reach <= _MOST_SKEW else None


def _tiled(unit: Unit, sweep: Sweep) -> str:
    time, count = sweep.time, len(sweep.stages)
    size, start, end = unit.fresh("NF_SWEEPS"), unit.fresh("nf_start"), unit.fresh("nf_end")
    front, block = unit.fresh("nf_front"), unit.fresh("NF_FRONT")
    kind, upper = time.type, time.upper(unit)
    low = _extreme([unit.of(stage.lower) for stage in sweep.stages], "<")
    high = _extreme([stage.upper(unit) for stage in sweep.stages], ">")
    lag = f"{sweep.skew * count} * (long)({{}} - {start})"
    steps = "\n".join(_stage(unit, sweep, k, (front, block), lag.format(time.variable)) for k in range(count))
    declared = "\n".join(dedent(unit.of(node)) for node in sweep.declared)
    before, inside, after = _exchange(unit, sweep.swap, time)
    delay = f"{lag.format(end)} - {sweep.skew}" if sweep.skew else "0"
    inner = "\n".join(part for part in (inside, declared, steps) if part)
    strips = f"for ({kind} {start} = {unit.of(time.lower)}; {start} < {upper}; {start} += {size})"
    text = f"""{{
{tunable(size, SWEEPS, CHOICES)}{tunable(block, ROWS, ROW_CHOICES)}{before}{strips} {{
    const {kind} {end} = {upper} - {start} < {size} ? {upper} : {start} + {size};
    for (long {front} = {low}; {front} < {high} + {delay}; {front} += {block}) {{
        for ({kind} {time.variable} = {start}; {time.variable} < {end}; {time.variable}++) {{
            {indent(inner, "            ")}
        }}
    }}
}}{after}
}}"""
    return indent(text, indentation(unit, time.node))


def _extreme(ends: Sequence[str], relation: str) -> str:
    """The least (or greatest) of some bounds, each of which may occur several times."""
    chosen, *others = dict.fromkeys(ends)
    for other in others:
        chosen = f"(({chosen}) {relation} ({other}) ? ({chosen}) : ({other}))"
    return chosen if chosen.isidentifier() or chosen.isdecimal() else f"({chosen})"


def _stage(unit: Unit, sweep: Sweep, position: int, front: tuple[str, str], lag: str) -> str:
    """The rows of one loop of one sweep that the front lets through; `front` is its name and its step."""
    stage = sweep.stages[position]
    first, last = unit.fresh("nf_low"), unit.fresh("nf_high")
    low, high = f"(long)({unit.of(stage.lower)})", f"(long)({stage.upper(unit)})"
    begin, end = f"{front[0]} - {lag} - {sweep.skew * position}", f"{first} + {front[1]}"
    body = dedent(unit.of(stage.body))
    body = body if body.startswith("{") else f"{{ {body} }}"
    row = stage.variable
    head = f"for (long {row} = {first} > {low} ? {first} : {low}; {row} < {last}; {row}++)"
    return f"""{{
    const long {first} = {begin};
    const long {last} = {end} < {high} ? {end} : {high};
    {head} {indent(body, "    ")}
}}"""


def _exchange(unit: Unit, swap: Swap | Carry | None, time: Loop) -> tuple[str, str, str]:
    """Text before the loops, in each sweep, and after them that stands for the change of pointers."""
    if swap is None:
        return "", "", ""
    if isinstance(swap, Carry):
        return _carried(unit, swap, time)
    even, odd, spare = unit.fresh("nf_even"), unit.fresh("nf_odd"), unit.fresh("nf_spare")
    lower = unit.of(time.lower)
    is_odd = f"({time.variable} - ({lower})) % 2 != 0"
    before = f"{swap.type} *const {even} = {swap.one}, *const {odd} = {swap.two};\n"
    inside = (
        f"{swap.type} *const {swap.one} = {is_odd} ? {odd} : {even};\n"
        f"{swap.type} *const {swap.two} = {is_odd} ? {even} : {odd};"
    )
    after = f"""
if ({time.upper(unit)} > {lower} && ({time.upper(unit)} - ({lower})) % 2 != 0) {{
    {swap.type} *{spare} = {swap.one};
    {swap.one} = {swap.two};
    {swap.two} = {spare};
}}"""
    return before, inside, after


def _carried(unit: Unit, carry: Carry, time: Loop) -> tuple[str, str, str]:
    first, lower, upper = unit.fresh("nf_given"), unit.of(time.lower), time.upper(unit)
    kind = f"const {carry.type}"
    before = f"{kind} *const {first} = {carry.pointer};\n"
    previous = unit.render(carry.value, {time.variable: f"({time.variable} - 1)"})
    inside = f"{kind} *const {carry.pointer} = {time.variable} == {lower} ? {first} : ({previous});"
    ended = unit.render(carry.value, {time.variable: f"({upper} - 1)"})
    after = f"\nif ({upper} > {lower}) {carry.pointer} = {ended};"
    return before, inside, after
