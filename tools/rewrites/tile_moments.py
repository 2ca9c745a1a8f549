"""Mean and squared deviations in one pass over tiles.

    for (i) s += f(i);    mean = s / n;    for (i) q += (f(i) - mean) * (f(i) - mean);

Each tile finds its own mean and squared deviations while it is in the first-level cache; the parts are combined by
the pairwise update of Chan, Golub and LeVeque (1983), which is as stable as two passes. One pass over memory goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.loops import Loop, is_plain, loops, mentions, part_header, writes
from tools.rewrites.recompute import between, written
from tools.rewrites.reductions import Reduction, body_locals, is_zero_before, resolved, sole_reduction
from tools.rewrites.rewrite import Variant, tile_loop, tunable
from tools.rewrites.syntax import (
    Edit,
    Unit,
    canonical,
    canonical_text,
    field,
    identifiers,
    indent,
    indentation,
    looped,
    strip_parentheses,
)

TILE_CHOICES = (128, 256, 512, 1024, 2048)
TILE = 512


@dataclass(frozen=True)
class Moments:
    first: Loop
    second: Loop
    total: Reduction
    squares: Reduction
    mean: str


def moments(unit: Unit) -> Iterator[Variant]:
    found = list(loops(unit))
    for index, first in enumerate(found):
        for second in found[index + 1 :]:
            middle = between(first, second)
            pair = _pair(unit, first, second, middle) if middle is not None else None
            if pair is not None:
                note = f"line {unit.line_of(first.node)}: mean and squared deviations in one pass over tiles of {TILE}"
                yield Variant(_replace(unit, pair), note)


def _pair(unit: Unit, first: Loop, second: Loop, middle: Sequence[Node]) -> Moments | None:
    if not first.same_range(second) or not is_plain(unit, [first.body, *middle, second.body]):
        return None
    total, squares = sole_reduction(unit, first, "sum"), sole_reduction(unit, second, "sum")
    if total is None or squares is None or total.accumulator == squares.accumulator:
        return None
    mean = _mean(unit, first, middle, total.accumulator)
    if mean is None or not _is_square(unit, first, second, total, squares, mean):
        return None
    changed = written(unit, [*middle, second.body])
    if total.accumulator in changed or changed & (identifiers(total.value) | first.range_names()):
        return None
    clean = is_zero_before(unit, first, total.accumulator) and not mentions(unit, second.node, total.accumulator)
    return Moments(first, second, total, squares, mean) if clean else None


def _mean(unit: Unit, first: Loop, middle: Sequence[Node], total: str) -> str | None:
    """The variable that gets `total / count` between the loops, where the loops run over `0 .. count`."""
    if unit.of(first.lower) != "0" or first.inclusive:
        return None
    made = [write for node in middle for write in writes(unit, node) if write.operator in {"=", "declare"}]
    for write in made:
        value = strip_parentheses(write.value) if write.value is not None else None
        if value is None or value.type != "binary_expression" or unit.of(field(value, "operator")) != "/":
            continue
        divisor = strip_parentheses(field(value, "right"))
        if divisor.type == "cast_expression":
            divisor = strip_parentheses(field(divisor, "value"))
        once = sum(other.target == write.target for other in made) == 1
        if once and canonical(field(value, "left")) == total and canonical(divisor) == canonical(first.bound):
            return write.target
    return None


def _is_square(unit: Unit, first: Loop, second: Loop, total: Reduction, squares: Reduction, mean: str) -> bool:
    values, terms = body_locals(unit, first), body_locals(unit, second)
    if values is None or terms is None:
        return False
    operand = unit.render(total.value, {**values, first.variable: second.variable})
    forms = (f"(({operand}) - {mean})", f"({mean} - ({operand}))")
    return resolved(unit, squares.value, terms) in {canonical_text(f"{form} * {form}") for form in forms}


def _replace(unit: Unit, pair: Moments) -> str:
    first, second, total, squares = pair.first, pair.second, pair.total, pair.squares
    tile, start, end = unit.fresh("NF_TILE"), unit.fresh("nf_start"), unit.fresh("nf_end")
    part, middle, square = unit.fresh("nf_part"), unit.fresh("nf_mean"), unit.fresh("nf_square")
    running = unit.fresh("nf_total")
    moment, delta = unit.fresh("nf_moment"), unit.fresh("nf_delta")
    kind = squares.type
    add = looped(part_header(first, start, end), unit.render(first.body, {total.accumulator: part}))
    body = unit.render(second.body, {squares.accumulator: square, pair.mean: middle})
    deviate = looped(part_header(second, start, end), body)
    opening = tile_loop(first.type, (tile, start, end), "0", first.upper(unit))
    text = f"""double {moment} = 0, {running} = 0;
{tunable(tile, TILE, TILE_CHOICES)}{opening}
    {total.type} {part} = 0;
    {indent(add, "    ")}
    const {kind} {middle} = {part} / ({end} - {start});
    {kind} {square} = 0;
    {indent(deviate, "    ")}
    if ({start} > 0) {{
        const double {delta} = {middle} - {running} / {start};
        {square} += {delta} * {delta} * ((double){start} / {end} * ({end} - {start}));
    }}
    {moment} += {square};
    {running} += {part};
}}
{total.accumulator} = {running};"""
    pad = indentation(unit, first.node)
    return unit.apply(
        [
            Edit(first.node.start_byte, first.node.end_byte, indent(text, pad)),
            Edit(second.node.start_byte, second.node.end_byte, f"{squares.accumulator} += {moment};"),
        ]
    )
