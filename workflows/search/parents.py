"""Parent choice: score and child count, so that one champion is not mined for ever."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from statistics import median
from typing import Protocol

from nightforge.domain.candidate import Parent


class ParentPicker(Protocol):
    def pick(self, parents: Sequence[Parent], *, inspirations: int, random: Random) -> tuple[int, ...]:
        """Ordinals: the parent first, then up to `inspirations` others. `parents` is never empty."""
        ...


class WeightedPicker:
    """weight = sigmoid(steepness × robust z-score of the score) / (1 + children).

    The form is ShinkaEvolve's weighted sampling (arXiv 2509.19349, §3.1), with the median absolute deviation
    as scale; the champion's share falls as it gets children.
    """

    def __init__(self, *, steepness: float = 2.0) -> None:
        self.steepness = steepness

    def pick(self, parents: Sequence[Parent], *, inspirations: int, random: Random) -> tuple[int, ...]:
        weights = self.weights(parents)
        first = random.choices(range(len(parents)), weights=weights)[0]
        others = [parent.ordinal for index, parent in enumerate(parents) if index != first]
        return (parents[first].ordinal, *others[:inspirations])

    def weights(self, parents: Sequence[Parent]) -> list[float]:
        centre = median(parent.score_low for parent in parents)
        scale = median(abs(parent.score_low - centre) for parent in parents) or 1e-9
        return [
            1.0
            / (1.0 + math.exp(-self._bounded(self.steepness * (parent.score_low - centre) / scale)))
            / (1 + parent.children)
            for parent in parents
        ]

    @staticmethod
    def _bounded(exponent: float) -> float:
        return max(-30.0, min(30.0, exponent))
