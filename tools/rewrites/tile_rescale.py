"""A maximum pass and a pass that sums exp(value - maximum) become one pass over tiles.

    for (i) m = max(m, f(i));
    for (i) s += exp(f(i) - m);

Each tile finds its maximum and adds its exponentials while it is in the first-level cache; when the maximum grows,
the sum so far is scaled by exp(old - new) (Milakov and Gimelshein, arXiv:1805.02867, at the grain of tiles). One
pass over memory goes, and sums of tiles that are added in double are more exact than one long chain. The scale is a
double, too: on rising data there is one factor for every tile, and their errors multiply. A second loop
that stores its exponentials is first turned into one that does not (`rewrite.recompute`), and strips into one loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.flatten import flattened
from tools.rewrites.loops import Loop, is_plain, loops, mentions, part_header, writes
from tools.rewrites.recompute import Recompute, between, written
from tools.rewrites.reductions import Reduction, body_locals, is_zero_before, resolved, sole_reduction
from tools.rewrites.rewrite import Rewrite, Variant, tile_loop, tunable
from tools.rewrites.syntax import (
    Edit,
    Unit,
    canonical_text,
    identifiers,
    indent,
    indentation,
    looped,
    named,
)
from tools.rewrites.tile_moments import moments

EXPONENTIALS = frozenset({"expf", "exp", "__builtin_expf", "__builtin_exp", "nf_expf"})
TILE_CHOICES = (128, 256, 512, 1024, 2048, 4096)
TILE = 256


@dataclass(frozen=True)
class Pair:
    first: Loop
    second: Loop
    maximum: Reduction
    total: Reduction
    lower: str


class TileRescale(Rewrite):
    name = "rewrite.tile_rescale"
    prior = 0.9
    structural = True

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for start, before in _with(unit, lambda given: flattened(given, sums=True)):
            for changed, after in _with(start, Recompute().variants):
                yield from _fused(changed, before + after)
                for variant in moments(changed):
                    yield Variant(variant.source, variant.note + before + after)


def _with(unit: Unit, rewrite: Callable[[Unit], Iterable[Variant]]) -> Iterator[tuple[Unit, str]]:
    """The program as it is, then with another rewrite made first that may bring it into the form we know."""
    yield unit, ""
    for variant in rewrite(unit):
        changed = Unit.parse(variant.source)
        if changed is not None:
            yield changed, f"; {variant.note}"


def _fused(unit: Unit, suffix: str) -> Iterator[Variant]:
    found = list(loops(unit))
    for index, first in enumerate(found):
        for second in found[index + 1 :]:
            middle = between(first, second)
            pair = _pair(unit, first, second, middle) if middle is not None else None
            if pair is not None:
                note = (
                    f"line {unit.line_of(pair.second.node)}: maximum pass and exponential sum over tiles of {TILE} "
                    f"with a running maximum"
                )
                yield Variant(_replace(unit, pair), note + suffix)


def _pair(unit: Unit, first: Loop, second: Loop, middle: Sequence[Node]) -> Pair | None:
    if not first.same_end(second) or not is_plain(unit, [first.body, *middle, second.body]):
        return None
    maximum = sole_reduction(unit, first, "max")
    total = sole_reduction(unit, second, "sum")
    if maximum is None or total is None or maximum.accumulator == total.accumulator:
        return None
    if not _sums_exponentials(unit, first, second, maximum, total) or not _undisturbed(
        unit, first, second, middle, maximum, total
    ):
        return None
    if not is_zero_before(unit, second, total.accumulator):
        return None
    lower = _common_lower(unit, first, second, maximum)
    return Pair(first, second, maximum, total, lower) if lower is not None else None


def _sums_exponentials(unit: Unit, first: Loop, second: Loop, maximum: Reduction, total: Reduction) -> bool:
    """Whether the sum's term is exp(f - m) with the f whose maximum m is."""
    values, terms = body_locals(unit, first), body_locals(unit, second)
    if values is None or terms is None:
        return False
    operand = unit.render(maximum.value, {**values, first.variable: second.variable})
    term = resolved(unit, total.value, terms)
    return any(term == canonical_text(f"{name}(({operand}) - {maximum.accumulator})") for name in EXPONENTIALS)


def _undisturbed(
    unit: Unit, first: Loop, second: Loop, middle: Sequence[Node], maximum: Reduction, total: Reduction
) -> bool:
    """Nothing between the passes, nor the second pass, uses the maximum or changes what both passes read."""
    if any(mentions(unit, node, maximum.accumulator) for node in middle):
        return False
    inputs = identifiers(maximum.value) | first.range_names()
    changed = written(unit, [*middle, second.body])
    return (
        maximum.accumulator not in changed
        and not (inputs & changed)
        and not mentions(unit, first.body, total.accumulator)
    )


def _common_lower(unit: Unit, first: Loop, second: Loop, maximum: Reduction) -> str | None:
    """Where the fused loop starts: both lower bounds agree, or the maximum starts as the element before its loop."""
    if canonical_text(unit.of(first.lower)) == canonical_text(unit.of(second.lower)):
        return unit.of(second.lower)
    if (unit.of(first.lower), unit.of(second.lower)) != ("1", "0"):
        return None
    values = body_locals(unit, first) or {}
    zeroth = canonical_text(unit.render(maximum.value, {**values, first.variable: "0"}))
    block = first.node.parent
    starts = [
        write
        for statement in (named(block) if block is not None else [])
        if statement.end_byte <= first.node.start_byte
        for write in writes(unit, statement)
        if write.target == maximum.accumulator
    ]
    if not starts or starts[-1].operator not in {"=", "declare"} or starts[-1].value is None:
        return None
    return "0" if canonical_text(unit.of(starts[-1].value)) == zeroth else None


def _replace(unit: Unit, pair: Pair) -> str:
    first, second, peak, total = pair.first, pair.second, pair.maximum, pair.total
    tile, start, end = unit.fresh("NF_TILE"), unit.fresh("nf_start"), unit.fresh("nf_end")
    tile_peak, tile_sum = unit.fresh("nf_peak"), unit.fresh("nf_sum")
    running, upper = unit.fresh("nf_total"), second.upper(unit)
    pad = indentation(unit, second.node)
    find = looped(part_header(first, start, end), unit.render(first.body, {peak.accumulator: tile_peak}))
    add = looped(part_header(second, start, end), unit.render(second.body, {total.accumulator: tile_sum}))
    opening = tile_loop(second.type, (tile, start, end), pair.lower, upper)
    text = f"""double {running} = 0;
{tunable(tile, TILE, TILE_CHOICES)}{opening}
    {peak.type} {tile_peak} = {peak.accumulator};
    {indent(find, "    ")}
    if ({tile_peak} > {peak.accumulator}) {{
        {running} *= __builtin_exp((double){peak.accumulator} - (double){tile_peak});
        {peak.accumulator} = {tile_peak};
    }}
    {total.type} {tile_sum} = 0;
    {indent(add, "    ")}
    {running} += {tile_sum};
}}
{total.accumulator} = {running};"""
    edits = [
        Edit(first.node.start_byte, first.node.end_byte, "/* the maximum is found tile by tile below */"),
        Edit(second.node.start_byte, second.node.end_byte, indent(text, pad)),
    ]
    return unit.apply(edits)
