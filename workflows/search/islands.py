"""Islands: bounded archives that evolve apart and now and then send their best one to a neighbour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nightforge.domain.archive import Progress, Resident

YOUTH = 120
"""Results of an island before guests come to it."""
CURIOSITY = 1.0
"""How much an island that was asked seldom is preferred to one that improves."""


@dataclass
class Island:
    """The best of each cell (at most `cells` cells, the better ones) and the `top` best whatever their cell."""

    number: int
    cells: int
    top: int
    residents: dict[int, Resident] = field(default_factory=dict)

    def admit(self, arrival: Resident) -> tuple[list[Resident], list[tuple[int, int]]]:
        """Take it in where it earns a place: (arrivals, departures). The same one again changes nothing."""
        if arrival.ordinal in self.residents:
            return [], []
        settled = replace(arrival, island=self.number, objectives=())
        self.residents[settled.ordinal] = settled
        keep = self._keep()
        gone = [ordinal for ordinal in self.residents if ordinal not in keep]
        for ordinal in gone:
            del self.residents[ordinal]
        if settled.ordinal in gone:
            return [], []
        return [settled], [(self.number, ordinal) for ordinal in gone]

    def _keep(self) -> set[int]:
        # Of equals one stands for all, so that no plateau fills the archive: the newest, so that the search drifts.
        distinct: dict[tuple[str, float], Resident] = {}
        for one in self.ranked():
            distinct.setdefault((one.cell, one.score_low), one)
        ranked = list(distinct.values())
        elites: dict[str, int] = {}
        for one in ranked:
            elites.setdefault(one.cell, one.ordinal)
        return {*list(elites.values())[: self.cells], *(one.ordinal for one in ranked[: self.top])}

    def ranked(self) -> list[Resident]:
        """Best first; of equals the newest."""
        return sorted(self.residents.values(), key=lambda one: (-one.score_low, -one.ordinal))


def begun(progress: Sequence[Progress]) -> Sequence[Progress]:
    """Islands that have more than the seed; the first one always."""
    return [one for one in progress if one.told > 1 or one.island == 0]


def open_islands(progress: Sequence[Progress]) -> Sequence[Progress]:
    """Those that have begun, and one more whenever the number of results has doubled: few do not bear being divided.

    A new one starts from the seed: a restart (as in IPOP-CMA-ES, Auger and Hansen 2005) that keeps what was found.
    Standing still is no sign to wait for: a search in a poor basin goes on to gain a little there.
    """
    known = begun(progress)
    fresh = [one for one in progress if one not in known]
    return [*known, *fresh[:1]] if sum(one.told for one in known) >= YOUTH * 2 ** len(known) else known


def choose_island(progress: Sequence[Progress], asked: Mapping[int, int]) -> int:
    """UCB1 (Auer et al. 2002) over islands, as AdaEvolve does: where it improves, and where little was tried.

    `asked` counts candidates that are on their way, so that many in flight do not all go to one island.
    """
    pulls = {one.island: one.told + asked.get(one.island, 0) for one in progress}
    total = sum(pulls.values()) + 1

    def bound(one: Progress) -> tuple[float, int]:
        tried = pulls[one.island] + 1
        improving = math.sqrt(one.signal)
        return improving / (1.0 + improving) + CURIOSITY * math.sqrt(math.log(total + 1) / tried), -one.island

    return max(progress, key=bound).island


def emigrant(island: Island) -> Resident | None:
    """Who goes to the neighbour: the best. It stays at home as well."""
    return next(iter(island.ranked()), None)
