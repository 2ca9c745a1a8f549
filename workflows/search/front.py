"""The Pareto front under epsilon-dominance (Laumanns et al. 2002), kept up on insert.

Objective space is cut into boxes as wide as each objective's `epsilon`; a box that another one dominates is empty,
and a box holds one candidate. With epsilon 0 it is plain dominance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nightforge.domain.archive import CAMPAIGN, Resident

LARGEST = 128
"""Candidates on the front; where epsilon leaves more, a newcomer must dominate one of them."""


@dataclass
class Front:
    epsilons: Sequence[float]
    residents: dict[int, Resident] = field(default_factory=dict)

    def admit(self, arrival: Resident) -> tuple[list[Resident], list[tuple[int, int]]]:
        """(arrivals, departures); nothing for one without all its objectives, or that another one dominates."""
        if len(arrival.objectives) != len(self.epsilons) or arrival.ordinal in self.residents:
            return [], []
        settled = replace(arrival, island=CAMPAIGN, cell="")
        if any(self.beats(one.objectives, settled.objectives) for one in self.residents.values()):
            return [], []
        gone = [one.ordinal for one in self.residents.values() if self.beats(settled.objectives, one.objectives)]
        if not gone and len(self.residents) >= LARGEST:
            return [], []
        for ordinal in gone:
            del self.residents[ordinal]
        self.residents[settled.ordinal] = settled
        return [settled], [(CAMPAIGN, ordinal) for ordinal in gone]

    def beats(self, one: Sequence[float], other: Sequence[float]) -> bool:
        """`one` in a box that dominates, or in the same box and not worse. An equal newcomer stays out."""
        mine, theirs = self._box(one), self._box(other)
        if mine == theirs:
            return dominates(one, other) or not dominates(other, one)
        return dominates(mine, theirs)

    def _box(self, point: Sequence[float]) -> tuple[float, ...]:
        return tuple(
            math.floor(value / epsilon) if epsilon > 0 else value
            for value, epsilon in zip(point, self.epsilons, strict=True)
        )


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Nowhere worse and somewhere better; more is better."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True))
