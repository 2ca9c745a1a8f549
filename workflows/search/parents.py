"""Parent choice: by rank to go on with what is good, by rarity to look elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from nightforge.domain.candidate import Parent


class ParentPicker(Protocol):
    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        """A positive weight per parent. `rarity` is 1 for a parent alone in its cell, less in a crowd; 1 where missing.

        `parents` is never empty and comes best first.
        """
        ...


class RankPicker:
    """weight = 1 / rank²: the best about as often as all others together, whatever the scores' scale.

    A scale taken from the scores goes flat where these span decades; ranks do not (Baker 1985).
    """

    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        return [rank**-2.0 for rank in range(1, len(parents) + 1)]


class UniformPicker:
    """Each cell of the grid (or each place on the front) as likely as any other: rarity alone."""

    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        return [rarity.get(parent.ordinal, 1.0) for parent in parents]


def draw(parents: Sequence[Parent], picker: ParentPicker, rarity: Mapping[int, float], random: Random) -> Parent:
    return random.choices(parents, weights=picker.weights(parents, rarity))[0]
