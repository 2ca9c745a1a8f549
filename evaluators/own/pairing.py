"""Two programs on the same seeds: gains with their intervals, and a race that ends early.

With common random numbers the difference of two programs varies far less than either does from seed to seed, so that
everything is counted on pairs: logarithms of ratios, or differences.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from threading import Lock

from evaluators.cascade import CandidateFailed
from evaluators.own.spec import OwnSettings, Race
from evaluators.statistics import Estimate
from nightforge.domain.words import Direction
from nightforge.errors import EvaluatorFault

_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t, two-sided 95 %, for 1 to 15 degrees of freedom."""
_T95_MORE = ((20, 2.086), (30, 2.042), (60, 2.000), (10**9, 1.980))
_LEAST_SCATTER = 0.003
"""Of the pairs in a race: a few that are equal by chance say little."""
_MOST_KEPT = 256


def advantage(own: float, other: float, settings: OwnSettings) -> float:
    """How much better `own` is than `other` on one seed: a logarithm of a ratio, or a difference; above 0 is better.

    Raises EvaluatorFault where ratios make no sense, CandidateFailed where the candidate's number has none.
    """
    sign = 1.0 if settings.measure.direction is Direction.MAX else -1.0
    if settings.compare == "difference":
        return sign * (own - other)
    if own <= 0 < other:
        said = f"{settings.measure.metric} is {own:g}, and {other:g} in the unchanged program: no ratio can be taken"
        mend = 'where such numbers mean something, set compare = "difference" in task.toml'
        raise CandidateFailed("no_ratio", f"{said}; {mend}")
    if other <= 0:
        raise EvaluatorFault(
            f"{settings.measure.metric} is {own:g} here and {other:g} in the unchanged program: no ratio can be taken",
            where="settings.compare",
            hint='set compare = "difference" in task.toml',
        )
    return sign * (math.log(own) - math.log(other))


def gain_of(advantages: Sequence[float], settings: OwnSettings) -> Estimate:
    """Mean advantage with its 95 % interval (Student's t); as a factor where ratios are compared."""
    mean = fmean(advantages)
    margin = 0.0
    if len(advantages) > 1:
        margin = _t95(len(advantages) - 1) * stdev(advantages) / math.sqrt(len(advantages))
    values = (mean, mean - margin, mean + margin)
    if settings.compare == "ratio":
        values = tuple(math.exp(min(value, 50.0)) for value in values)  # type: ignore[assignment]
    value, low, high = values
    return Estimate(value, min(low, value), max(high, value), len(advantages))


def _t95(freedom: int) -> float:
    if freedom <= len(_T95):
        return _T95[freedom - 1]
    return next(value for most, value in _T95_MORE if freedom <= most)


def is_hopeless(mine: Mapping[int, float], best: Mapping[int, float] | None, race: Race, slack: float) -> bool:
    """Worse by more than `slack` on the seeds that both have run, beyond doubt. `mine`, `best`: seed → advantage."""
    common = [mine[seed] - best[seed] for seed in mine if seed in best] if best is not None else []
    if len(common) < race.after:
        return False
    margin = race.sigmas * (stdev(common) + _LEAST_SCATTER) / math.sqrt(len(common))
    return fmean(common) + margin < -slack


class Paddock:
    """Advantages of what was evaluated, seed by seed, found again by its score: the campaign tells the best score."""

    def __init__(self) -> None:
        self._known: OrderedDict[float, Mapping[int, float]] = OrderedDict()
        self._lock = Lock()

    def remember(self, score: float, advantages: Mapping[int, float]) -> None:
        with self._lock:
            self._known[score] = dict(advantages)
            while len(self._known) > _MOST_KEPT:
                del self._known[min(self._known)]

    def of(self, score: float | None) -> Mapping[int, float] | None:
        with self._lock:
            return None if score is None else self._known.get(score)
