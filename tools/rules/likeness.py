"""Whether two formulas choose alike: a cheap look before an evaluation is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random

from tools.rules.formula import Formula, Values, arithmetic
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


@lru_cache(maxsize=8192)
def choices(formula: Formula, features: tuple[Feature, ...]) -> tuple[int, ...]:
    """Per queue the places of the largest value, as bits; 0 where the formula has no value."""
    places = {feature.text: place for place, feature in enumerate(features)}
    value = arithmetic(formula, places)
    return tuple(_chosen(value, queue) for queue in _queues(features))


def _chosen(value: Callable[[Values], float], queue: Sequence[Values]) -> int:
    try:
        values = [value(one) for one in queue]
    except (ArithmeticError, KeyError):
        return 0
    most = max(values)
    return sum(1 << place for place, one in enumerate(values) if one == most)


@lru_cache(maxsize=32)
def _queues(features: tuple[Feature, ...]) -> tuple[tuple[Values, ...], ...]:
    random = Random(0)
    queues = []
    for _ in range(_QUEUES):
        shared = {feature.text: _drawn(feature, random) for feature in features if feature.is_shared}
        own = [feature for feature in features if not feature.is_shared]
        rows = [{feature.text: _drawn(feature, random) for feature in own} | shared for _ in range(_LENGTH)]
        queues.append(tuple(tuple(row[feature.text] for feature in features) for row in rows))
    return tuple(queues)


def _drawn(feature: Feature, random: Random) -> float:
    least = feature.least if feature.least is not None else 0.0
    reach = _LARGEST.get(feature.unit, _USUAL)
    return least + float(int(reach ** random.random()) - 1) if feature.unit != "1" else least + reach * random.random()
