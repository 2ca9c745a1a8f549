"""What the policy knows, in memory as in the store: each result changes a few bounded things, and says which."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nightforge.domain.archive import CAMPAIGN, Archive, ArchiveChange, Arm, Progress, Resident, Trial
from nightforge.domain.search import Result
from workflows.search import bandit, intensity
from workflows.search.front import Front
from workflows.search.grid import cell_of
from workflows.search.islands import YOUTH, Island, begun, emigrant, open_islands

SEED = 0
FRONT = "front"
"""The cell of those that stand on the Pareto front alone."""


@dataclass
class Memory:
    islands: list[Island]
    front: Front
    dimensions: tuple[str, ...]
    """The task's behaviour."""
    migrate_every: int
    by_name: bool
    """Arms are operators by name (offline); else model × kind of operator."""
    grows: bool = False
    """Islands begin one after another; else all at once."""
    progress: dict[int, Progress] = field(default_factory=dict)
    arms: dict[tuple[str, str], Arm] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in (CAMPAIGN, *(island.number for island in self.islands)):
            self.progress.setdefault(number, Progress(number))

    def restore(self, archive: Archive) -> None:
        """As the store kept it. What a plan changed since (fewer islands) is left out."""
        for one in archive.residents:
            if one.island == CAMPAIGN:
                self.front.residents[one.ordinal] = one
            elif one.island < len(self.islands):
                self.islands[one.island].residents[one.ordinal] = one
        self.progress.update({one.island: one for one in archive.progress if one.island < len(self.islands)})
        self.arms.update({(one.model, one.operator): one for one in archive.arms})

    @property
    def whole(self) -> Progress:
        """The campaign's own progress."""
        return self.progress[CAMPAIGN]

    def note_shift(self) -> None:
        self.progress[CAMPAIGN] = replace(self.whole, moved=self.whole.told)

    def hear(self, result: Result) -> ArchiveChange:
        """Take one result in; returns what changed."""
        island = self.islands[result.choice.island % len(self.islands)]
        gain = self._gain(result)
        reward = bandit.reward_of(gain, self.whole.gain)
        cost = result.seconds if self.by_name else result.cost_usd
        arms = self._learn(result, reward, cost)
        concerned = [CAMPAIGN, *(one.number for one in (self.islands if result.ordinal == SEED else [island]))]
        homes = self._homes(result)
        for number in concerned:
            low = result.score_low if result.state.may_be_parent else None
            self.progress[number] = intensity.hear(self.progress[number], low, gain)
        arrivals, departures = self._settle(result, homes)
        moved = self._migrate(island)
        return ArchiveChange(
            trial=Trial(result.ordinal, island.number, "/".join(self._key(result)), reward, cost),
            progress=[self.progress[number] for number in concerned],
            arms=arms,
            arrivals=[*arrivals, *moved[0]],
            departures=[*departures, *moved[1]],
        )

    def residents(self) -> set[int]:
        """In any archive."""
        return {ordinal for _, ordinal in self._places()}

    def revise(self, results: Sequence[Result], alive: Collection[int]) -> ArchiveChange:
        """The archives anew from living residents and `results`: what stood behind a discarded one comes forward."""
        before = self._places()
        archives: list[Island | Front] = [self.front, *self.islands]
        for archive in archives:
            kept = [one for one in archive.residents.values() if one.ordinal in alive]
            archive.residents.clear()
            for one in kept:
                archive.admit(one)
        for result in results:
            self._settle(result, self._homes(result))
        after = self._places()
        self._lower_the_bar()
        return ArchiveChange(
            progress=list(self.progress.values()),
            arrivals=[one for place, one in after.items() if place not in before],
            departures=[place for place in before if place not in after],
        )

    def _places(self) -> dict[tuple[int, int], Resident]:
        archives: list[Island | Front] = [self.front, *self.islands]
        return {(one.island, one.ordinal): one for archive in archives for one in archive.residents.values()}

    def _lower_the_bar(self) -> None:
        """The best so far is the best that is left: else nothing that follows would count as an improvement."""
        lows = {one.number: [each.score_low for each in one.residents.values()] for one in self.islands}
        best = {number: max(found, default=None) for number, found in lows.items()}
        best[CAMPAIGN] = max((low for low in best.values() if low is not None), default=None)
        for number, low in best.items():
            # A guest may be better than all that an island has found itself: that is no best of its own.
            known = self.progress[number].best
            if low is None or known is None or low < known or number == CAMPAIGN:
                self.progress[number] = replace(self.progress[number], best=low if known is not None else None)

    def _gain(self, result: Result) -> float:
        """Over the parent, by the lower bound: what noise may have given is no gain."""
        if not result.state.may_be_parent or result.score_low is None or result.parent_score is None:
            return 0.0
        return max(0.0, result.score_low - result.parent_score)

    def _key(self, result: Result) -> tuple[str, str]:
        if self.by_name:
            return "", result.operator_name or result.choice.operator_name
        operator = result.choice.operator or result.operator
        # Programs of ours need no model, whichever the choice named.
        return result.choice.model, operator or ""

    def _learn(self, result: Result, reward: float, cost: float) -> list[Arm]:
        key = self._key(result)
        if result.ordinal == 0 or not key[1]:
            return []
        learned = bandit.learn(self.arms.get(key, Arm(*key)), reward, cost)
        self.arms[key] = learned
        return [learned]

    def _homes(self, result: Result) -> list[Island]:
        """The island that it was made on; the seed, and what programs of ours make of it, found those to come as well.

        The operators would make the same of the seed again, which is refused as known: a model has new ideas.
        """
        island = self.islands[result.choice.island % len(self.islands)]
        if result.ordinal == SEED:
            return self.islands
        if not (self.grows and self.by_name and result.choice.parents[:1] == (SEED,)):
            return [island]
        old = {one.island for one in begun(self._of_islands())}
        return [island, *(one for one in self.islands if one is not island and one.number not in old)]

    def _settle(self, result: Result, homes: list[Island]) -> tuple[list[Resident], list[tuple[int, int]]]:
        arrivals: list[Resident] = []
        departures: list[tuple[int, int]] = []
        if not result.state.may_be_parent or result.score_low is None:
            return arrivals, departures
        cell = cell_of(result.behaviour, self.dimensions)
        newcomer = Resident(homes[0].number, result.ordinal, cell, result.score_low, result.objectives)
        archives: list[Island | Front] = [*homes, *([self.front] if len(result.objectives) > 1 else [])]
        for archive in archives:
            come, gone = archive.admit(newcomer)
            arrivals += come
            departures += gone
        return arrivals, departures

    def _migrate(self, island: Island) -> tuple[list[Resident], list[tuple[int, int]]]:
        """Ring: after each `migrate_every` results of an island its best goes to the next one, too."""
        known = self._of_islands()
        here, ring = self.progress[island.number], len(begun(known)) if self.grows else len(known)
        if ring < 2 or here.told - here.moved < self.migrate_every:
            return [], []
        self.progress[island.number] = replace(here, moved=here.told)
        leaving = emigrant(island)
        if leaving is None:
            return [], []
        goal = self.islands[(island.number + 1) % ring]
        if self.grows and self.progress[goal.number].told < YOUTH:
            return [], []  # a guest from an old island would end what the young one is there for
        return goal.admit(leaving)

    def _of_islands(self) -> list[Progress]:
        return [self.progress[one.number] for one in self.islands]

    def open_islands(self) -> Sequence[Progress]:
        """Those that candidates may be made on now."""
        known = self._of_islands()
        return open_islands(known) if self.grows else known

    def cells(self, island: int) -> Mapping[int, str]:
        """Ordinal → cell of those that an island's candidates are made from: its own, and the front's."""
        own = {one.ordinal: one.cell for one in self.islands[island].residents.values()}
        return {**{ordinal: FRONT for ordinal in self.front.residents}, **own}
