"""Parent choice: by rank to go on with what is good, several alike to go far, by rarity to look elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from nightforge.domain.candidate import Parent


class ParentPicker(Protocol):
    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        """A weight per parent, not all of them 0.

        `rarity` is 1 for a parent alone in its cell, less in a crowd; 1 where missing. `parents` is
        never empty and comes best first.
        """
        ...


FRUITLESS = 8.0
"""Children after which a parent weighs half of what it did: most of what lies near it is known then."""


class RankPicker:
    """weight = 1 / rank⁴ / (1 + children / 8): the best while it is new, more and more of the next ones after.

    A scale taken from the scores goes flat where these span decades; ranks do not (Baker 1985). A fresh champion is
    followed as a climber follows it; one that many were made from already makes room, as in ShinkaEvolve (2025).
    """

    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        return [rank**-4.0 / (1.0 + one.children / FRUITLESS) for rank, one in enumerate(parents, start=1)]


class BroadPicker:
    """The `breadth` best: one of them that is luckier than the others does not become the parent of all.

    Each has `keep` of the weight of the next better one: exponential ranking (Blickle and Thiele 1996). With 1 they are
    alike, truncation selection (Mühlenbein and Schlierkamp-Voosen 1993), which begins slower and goes further.
    """

    def __init__(self, breadth: int, keep: float = 1.0) -> None:
        self._breadth, self._keep = breadth, keep

    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        return [self._keep**rank if rank < self._breadth else 0.0 for rank in range(len(parents))]


class UniformPicker:
    """Each cell of the grid (or each place on the front) as likely as any other: rarity alone."""

    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        return [rarity.get(parent.ordinal, 1.0) for parent in parents]


def draw(parents: Sequence[Parent], picker: ParentPicker, rarity: Mapping[int, float], random: Random) -> Parent:
    return random.choices(parents, weights=picker.weights(parents, rarity))[0]
