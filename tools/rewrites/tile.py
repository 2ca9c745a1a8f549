"""Loop tiling: the inner loops of a nest run over a tile that stays in a cache while the outer ones come back to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tools.rewrites.affine import Nest, nests, permutable
from tools.rewrites.loops import Loop, loops, part_header
from tools.rewrites.rewrite import Rewrite, Variant, tile_loop, tunable
from tools.rewrites.syntax import Edit, Unit, dedent, indent, indentation

TILE = 64
CHOICES = (16, 32, 64, 128, 256, 512, 1024)


class Tile(Rewrite):
    """Strip-mines the inner loops of a perfect nest and moves the loops over strips to the outside."""

    name = "rewrite.tile"
    prior = 0.3
    relieves = frozenset({"memory_bound", "cache_misses"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for nest in nests(unit, loops(unit)):
            why = permutable(unit, nest.loops, nest.body)
            if why is None:
                continue
            last = nest.loops[-1:]
            for chosen in dict.fromkeys((last, nest.loops[-2:], nest.loops[-2:-1], nest.loops)):
                names = " and ".join(loop.variable for loop in chosen)
                edit = Edit(nest.loops[0].node.start_byte, nest.loops[0].node.end_byte, _tiled(unit, nest, chosen))
                note = f"line {unit.line_of(nest.loops[0].node)}: {names} in tiles of {TILE} around the nest ({why})"
                yield Variant(unit.apply([edit]), note)


def _tiled(unit: Unit, nest: Nest, chosen: Sequence[Loop]) -> str:
    sizes, opened, parts = "", "", dict[int, tuple[str, str]]()
    for position, loop in enumerate(chosen):
        mark = f"_{position}" if len(chosen) > 1 else ""
        tile, start, end = (unit.fresh(f"{stem}{mark}") for stem in ("NF_TILE", "nf_start", "nf_end"))
        sizes += tunable(tile, TILE, CHOICES)
        opened += tile_loop(loop.type, (tile, start, end), unit.of(loop.lower), loop.upper(unit)) + "\n"
        parts[loop.node.id] = (start, end)
    body = dedent(unit.of(nest.body))
    for loop in reversed(nest.loops):
        start, end = parts.get(loop.node.id, (unit.of(loop.lower), loop.upper(unit)))
        header = part_header(loop, start, end)
        body = f"{header} {body}" if body.startswith("{") else f"{header}\n    {indent(body, '    ')}"
    text = "{\n" + sizes + opened + indent(body, "    ") + "\n" + "}" * len(chosen) + "\n}"
    return indent(text, indentation(unit, nest.loops[0].node))
