"""Clearly worse candidates stop early: a paired race over common instances (in the manner of Maron and Moore, 1994).

The campaign tells the best score so far and no more. What that candidate gained on each instance is known here when it
was evaluated here; after a restart it is not, and then nobody is raced out until it is beaten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import fmean
from threading import Lock

from evaluators.schedulers.scoring import BEST_GAIN, WORST_GAIN, Row
from evaluators.schedulers.spec import Race
from nightforge.domain.evidence import Metric

_MOST_KEPT = 256
_LEAST_SCATTER = 0.02
"""Of the differences, in parts of the gap: a few equal ones say little."""


Gains = Mapping[str, float]
"""By instance."""


class Paddock:
    """Gains of what was evaluated on each set that it was raced on, by its score on the validation set."""

    def __init__(self) -> None:
        self._gains: OrderedDict[float, tuple[Gains, ...]] = OrderedDict()
        self._lock = Lock()

    def remember(self, score: float, *sets: Sequence[Row]) -> None:
        with self._lock:
            self._gains[score] = tuple({row.instance: row.gain for row in rows} for rows in sets)
            # The best are asked for: keep these.
            while len(self._gains) > _MOST_KEPT:
                del self._gains[min(self._gains)]

    def gains_of(self, score: float | None) -> tuple[Gains, ...] | None:
        """Set by set as remembered; None when nothing with this score was seen."""
        with self._lock:
            return None if score is None else self._gains.get(score)


def is_hopeless(rows: Sequence[Row], best: Gains | None, race: Race) -> bool:
    """So far below the best that it is no parent either: by `race.tolerance`, with the difference's uncertainty."""
    return _falls_short(rows, best, race, race.tolerance)


def is_behind(rows: Sequence[Row], best: Gains | None, race: Race) -> bool:
    """The differences so far to the best, with their uncertainty, lie below zero: more instances decide nothing."""
    return _falls_short(rows, best, race, 0.0)


def _falls_short(rows: Sequence[Row], best: Gains | None, race: Race, by: float) -> bool:
    differences = _differences(rows, best or {})
    if len(differences) < race.after:
        return False
    mean = fmean(differences)
    scatter = sqrt(sum((one - mean) ** 2 for one in differences) / (len(differences) - 1))
    return mean + by + race.sigmas * (scatter + _LEAST_SCATTER) / sqrt(len(differences)) < 0


def _differences(rows: Sequence[Row], best: Gains) -> list[float]:
    """On the instances that both have played."""
    return [row.gain - best[row.instance] for row in rows if row.instance in best]


def estimated(metric: Metric, rows: Sequence[Row], best: Gains) -> Metric:
    """The mean gain on a whole set from some of its instances: what the best gains on the whole, and the difference to
    it on these (a difference estimator; how hard these instances are falls out of it)."""
    shift = fmean(best.values()) + fmean(_differences(rows, best)) - metric.value
    moved = {
        name: None if value is None else max(WORST_GAIN, min(BEST_GAIN, value + shift))
        for name, value in (("low", metric.low), ("high", metric.high))
    }
    value = max(WORST_GAIN, min(BEST_GAIN, metric.value + shift))
    return metric.model_copy(update={"value": value, **moved})
