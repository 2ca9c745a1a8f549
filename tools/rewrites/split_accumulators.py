"""Break the chain of dependent additions (or comparisons) of a reduction.

Two forms: `parts` contiguous ranges that advance together with one accumulator each, and blocks with a partial result
each, which also bounds the rounding error of long sums (pairwise at the grain of blocks).
"""

from __future__ import annotations

from collections.abc import Iterable

from tools.rewrites.loops import Loop, innermost, is_plain, writes
from tools.rewrites.reductions import Reduction, reductions
from tools.rewrites.rewrite import Rewrite, Variant, tile_loop, tunable
from tools.rewrites.syntax import Edit, Unit, dedent, indent, indentation

PARTS = (4, 2, 8)
BLOCK = 512
BLOCK_CHOICES = (128, 256, 512, 1024, 4096, 16384)


class SplitAccumulators(Rewrite):
    name = "rewrite.split_accumulators"
    prior = 0.4

    def variants(self, unit: Unit) -> Iterable[Variant]:
        sites = [(loop, found) for loop in innermost(unit) if (found := _reduction(unit, loop)) is not None]
        for parts in PARTS:
            for loop, reduction in sites:
                note = f"line {unit.line_of(loop.node)}: {reduction.accumulator} in {parts} accumulators"
                yield Variant(_with(unit, loop, _split(unit, loop, reduction, parts)), note + _REORDERS)
        for loop, reduction in sites:
            note = f"line {unit.line_of(loop.node)}: {reduction.accumulator} in blocks of {BLOCK}"
            yield Variant(_with(unit, loop, _blocked(unit, loop, reduction)), note + _REORDERS)


_REORDERS = " (adds in another order)"


def _reduction(unit: Unit, loop: Loop) -> Reduction | None:
    """The loop's one reduction when besides it there are only locals."""
    found = reductions(unit, loop)
    if len(found) != 1 or not is_plain(unit, [loop.body, loop.lower, loop.bound]):
        return None
    effects = {w.target for w in writes(unit, loop.body) if w.operator != "declare"}
    return found[0] if effects == {found[0].accumulator} else None


def _with(unit: Unit, loop: Loop, text: str) -> str:
    return unit.apply([Edit(loop.node.start_byte, loop.node.end_byte, indent(text, indentation(unit, loop.node)))])


def _combine(reduction: Reduction, into: str, part: str) -> str:
    if reduction.kind == "sum":
        return f"{into} += {part};"
    relation = ">" if reduction.kind == "max" else "<"
    return f"{into} = {part} {relation} {into} ? {part} : {into};"


def _split(unit: Unit, loop: Loop, reduction: Reduction, parts: int) -> str:
    lanes = unit.fresh("nf_part")
    count, step = unit.fresh("nf_count"), unit.fresh("nf_step")
    kind, variable, upper = loop.type, loop.variable, loop.upper(unit)
    lower = f"({unit.of(loop.lower)})"
    start = reduction.identity
    declared = ", ".join(f"{lanes}{k} = {start}" for k in range(parts))
    bodies = "\n".join(
        _body(
            unit,
            loop,
            {reduction.accumulator: f"{lanes}{k}", variable: f"({variable} + {k} * {step})" if k else variable},
        )
        for k in range(parts)
    )
    combined = "\n    ".join(_combine(reduction, reduction.accumulator, f"{lanes}{k}") for k in range(parts))
    rest = _body(unit, loop, {})
    return f"""{{
    const {kind} {count} = {upper} > {lower} ? {upper} - {lower} : 0;
    const {kind} {step} = {count} / {parts};
    {reduction.type} {declared};
    for ({kind} {variable} = {lower}; {variable} < {lower} + {step}; {variable}++) {{
        {indent(bodies, "        ")}
    }}
    for ({kind} {variable} = {lower} + {parts} * {step}; {variable} < {upper}; {variable}++) {indent(rest, "    ")}
    {combined}
}}"""


def _body(unit: Unit, loop: Loop, names: dict[str, str]) -> str:
    text = unit.render(loop.body, names)
    return dedent(text) if loop.body.type == "compound_statement" else f"{{ {dedent(text)} }}"


def _blocked(unit: Unit, loop: Loop, reduction: Reduction) -> str:
    block, part = unit.fresh("NF_BLOCK"), unit.fresh("nf_part")
    start, end = unit.fresh("nf_start"), unit.fresh("nf_end")
    kind, variable, upper = loop.type, loop.variable, loop.upper(unit)
    body = _body(unit, loop, {reduction.accumulator: part})
    into, before, after = reduction.accumulator, "", ""
    if reduction.kind == "sum":
        into = unit.fresh("nf_total")
        before, after = f"double {into} = 0;\n", f"\n{reduction.accumulator} += {into};"
    opening = tile_loop(kind, (block, start, end), unit.of(loop.lower), upper)
    return f"""{{
{before}{tunable(block, BLOCK, BLOCK_CHOICES)}{opening}
    {reduction.type} {part} = {reduction.identity};
    for ({kind} {variable} = {start}; {variable} < {end}; {variable}++) {indent(body, "    ")}
    {_combine(reduction, into, part)}
}}{after}
}}"""
