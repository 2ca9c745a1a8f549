"""Whether two formulas choose alike: a cheap look before an evaluation is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random

from tools.rules.formula import Formula, value_of
from tools.rules.program import Feature

_QUEUES, _LENGTH = 40, 4
_LARGEST = {"1": 3.0}
_USUAL = 1000.0


def same_choices(one: Formula, other: Formula, features: Sequence[Feature]) -> bool:
    """Both take the same one of four, forty times over, and neither leaves a tie where the other has none.

    The features' values are drawn, small ones as often as large ones, the same for the same features. Alike here does
    not prove alike everywhere, and a rule lost by it is one that hardly ever decides otherwise.
    """
    return choices(one, tuple(features)) == choices(other, tuple(features))


@lru_cache(maxsize=2048)
def choices(formula: Formula, features: tuple[Feature, ...]) -> tuple[int, ...]:
    """Per queue the places of the largest value, as bits; 0 where the formula has no value."""
    return tuple(_chosen(formula, queue) for queue in _queues(features))


def _chosen(formula: Formula, queue: Sequence[Mapping[str, float]]) -> int:
    try:
        values = [value_of(formula, values) for values in queue]
    except (ArithmeticError, KeyError):
        return 0
    most = max(values)
    return sum(1 << place for place, value in enumerate(values) if value == most)


@lru_cache(maxsize=32)
def _queues(features: tuple[Feature, ...]) -> tuple[tuple[dict[str, float], ...], ...]:
    random = Random(0)
    queues = []
    for _ in range(_QUEUES):
        shared = {feature.text: _drawn(feature, random) for feature in features if feature.is_shared}
        own = [feature for feature in features if not feature.is_shared]
        queues.append(
            tuple({feature.text: _drawn(feature, random) for feature in own} | shared for _ in range(_LENGTH))
        )
    return tuple(queues)


def _drawn(feature: Feature, random: Random) -> float:
    least = feature.least if feature.least is not None else 0.0
    reach = _LARGEST.get(feature.unit, _USUAL)
    return least + float(int(reach ** random.random()) - 1) if feature.unit != "1" else least + reach * random.random()
