"""Clearly worse candidates stop early: a paired race over common instances (in the manner of Maron and Moore, 1994).

The campaign tells the best score so far and no more. What that candidate gained on each training instance is known
here when it was evaluated here; after a restart it is not, and then nobody is raced out until it is beaten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev
from threading import Lock

from evaluators.schedulers.scoring import Row
from evaluators.schedulers.spec import Race

_MOST_KEPT = 256
_LEAST_SCATTER = 0.02
"""Of the differences, in parts of the gap: a few equal ones say little."""


class Paddock:
    """Training gains of what was evaluated, by its score on the validation set."""

    def __init__(self) -> None:
        self._gains: OrderedDict[float, dict[str, float]] = OrderedDict()
        self._lock = Lock()

    def remember(self, score: float, rows: Sequence[Row]) -> None:
        with self._lock:
            self._gains[score] = {row.instance: row.gain for row in rows}
            # The best are asked for: keep these.
            while len(self._gains) > _MOST_KEPT:
                del self._gains[min(self._gains)]

    def gains_of(self, score: float | None) -> dict[str, float] | None:
        """Instance → gain; None when nothing with this score was seen."""
        with self._lock:
            return None if score is None else self._gains.get(score)


def is_hopeless(rows: Sequence[Row], best: dict[str, float] | None, race: Race) -> bool:
    """The differences so far to the best, with their uncertainty, lie below zero."""
    if best is None or len(rows) < race.after:
        return False
    differences = [row.gain - best[row.instance] for row in rows]
    margin = race.sigmas * (stdev(differences) + _LEAST_SCATTER) / sqrt(len(rows))
    return fmean(differences) + margin < 0
