"""Parent choice: score, rarity and child count, so that one champion is not mined for ever."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from statistics import median
from typing import Protocol

from nightforge.domain.candidate import Parent


class ParentPicker(Protocol):
    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        """A positive weight per parent. `rarity` is 1 for a parent alone in its cell, less in a crowd; 1 where missing.

        `parents` is never empty and comes best first.
        """
        ...


class WeightedPicker:
    """weight = sigmoid(steepness × robust z-score of the score) × rarity / (1 + children).

    The form is ShinkaEvolve's weighted sampling (arXiv 2509.19349, §3.1), with the median absolute deviation
    as scale; the champion's share falls as it gets children.
    """

    def __init__(self, *, steepness: float = 2.0) -> None:
        self.steepness = steepness

    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        centre = median(parent.score_low for parent in parents)
        scale = median(abs(parent.score_low - centre) for parent in parents) or 1e-9
        return [
            1.0
            / (1.0 + math.exp(-self._bounded(self.steepness * (parent.score_low - centre) / scale)))
            * rarity.get(parent.ordinal, 1.0)
            / (1 + parent.children)
            for parent in parents
        ]

    @staticmethod
    def _bounded(exponent: float) -> float:
        return max(-30.0, min(30.0, exponent))


class PowerLawPicker:
    """weight = rank^−exponent, the best at rank 1; whatever the scores' scale, and without regard to children."""

    def __init__(self, *, exponent: float = 1.0) -> None:
        self.exponent = exponent

    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        return [rank**-self.exponent for rank in range(1, len(parents) + 1)]


class UniformPicker:
    """Each cell of the grid (or each place on the front) as likely as any other: rarity alone."""

    def weights(self, parents: Sequence[Parent], rarity: Mapping[int, float]) -> list[float]:
        return [rarity.get(parent.ordinal, 1.0) for parent in parents]


PICKERS: Mapping[str, ParentPicker] = {
    "weighted": WeightedPicker(),
    "power-law": PowerLawPicker(),
    "front": UniformPicker(),
}


def draw(parents: Sequence[Parent], picker: ParentPicker, rarity: Mapping[int, float], random: Random) -> Parent:
    return random.choices(parents, weights=picker.weights(parents, rarity))[0]
