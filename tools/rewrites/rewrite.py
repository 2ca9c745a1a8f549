"""The base of all rewrites: find variants of a parent, keep those that still parse, answer whole programs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.rewrites.syntax import Unit

MAX_DRAFTS = 24


@dataclass(frozen=True)
class Variant:
    """A changed program and one line on what was changed where."""

    source: str
    note: str


class Rewrite(ABC):
    """A pure program transformation (`nightforge.domain.team.Operator`).

    `prior` in 0..1 is how much the field's experience promises of it; coders try high priors first. `structural`
    marks rewrites that change passes over memory, whose gains often appear only in combination. `relieves` names the
    bottlenecks (values of `nightforge.domain.profile.Bottleneck`) that it is meant for: coders prefer these where the
    evidence names one. What is `repeated` is laid on again and again in a stack, as long as it finds a place.
    """

    name: str
    kind = OperatorKind.REWRITE
    languages = frozenset({"c"})
    prior = 0.3
    structural = False
    relieves: frozenset[str] = frozenset()
    repeated = False

    @abstractmethod
    def variants(self, unit: Unit) -> Iterable[Variant]:
        """Changed programs, most promising first; nothing where the pattern does not match."""

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        unit = Unit.parse(context.parent.source)
        return tuple(islice(self._drafts(unit), MAX_DRAFTS)) if unit is not None else ()

    def _drafts(self, unit: Unit) -> Iterator[Draft]:
        seen = {unit.source}
        for variant in self.variants(unit):
            source = without_stray_pragmas(variant.source)
            if source in seen or Unit.parse(source) is None:
                continue
            seen.add(source)
            yield Draft(source=source, operator=self.kind, operator_name=self.name, note=variant.note)


_LOOP_PRAGMA = re.compile(r"\s*#\s*pragma\s+(GCC\s+(unroll|ivdep)|omp\s+(simd|parallel\s+for))\b")


def without_stray_pragmas(source: str) -> str:
    """`source` without pragmas of loops that no loop follows any more: a compiler refuses them.

    They stay behind where a rewrite puts a block in the place of the loop. Of two pragmas in a row the second is kept;
    only `unroll` and `ivdep` go together.
    """
    lines = source.split("\n")
    kept: list[str] = []
    following = ""
    for line in reversed(lines):
        if _LOOP_PRAGMA.match(line):
            pair = {word for text in (line, following) for word in ("omp", "unroll", "ivdep") if word in text}
            both = _LOOP_PRAGMA.match(following) is not None and pair == {"unroll", "ivdep"}
            if not both and not re.match(r"\s*for\b", following):
                continue
        kept.append(line)
        following = line if line.strip() else following
    return "\n".join(reversed(kept))


def tile_loop(kind: str, names: tuple[str, str, str], lower: str, upper: str) -> str:
    """Opening lines of a loop over tiles; `names` are the tile's size, its start and its end (exclusive)."""
    tile, start, end = names
    return (
        f"for ({kind} {start} = {lower}; {start} < {upper}; {start} += {tile}) {{\n"
        f"    const {kind} {end} = {upper} - {start} < {tile} ? {upper} : {start} + {tile};"
    )


def tunable(name: str, value: int, choices: Sequence[int]) -> str:
    """A macro whose value the tune operator may search, on lines of its own."""
    listed = ",".join(str(choice) for choice in choices)
    return f"/* nf: tune {name} in {{{listed}}} */\n#define {name} {value}\n"
