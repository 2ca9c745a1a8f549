"""How many evaluations a campaign will come to: what decides whether it can afford to begin widely."""

from __future__ import annotations

from collections.abc import Iterable

from nightforge.domain.archive import Arm
from nightforge.domain.plan import Budget


def expected_evaluations(budget: Budget, slots: int, arms: Iterable[Arm]) -> float:
    """The least that a cap leaves room for, by the mean seconds of a candidate so far; 0 while nothing tells.

    `arms` are those of a campaign without a model, whose costs are seconds.
    """
    known = list(arms)
    pulls = sum(arm.pulls for arm in known)
    mean_s = sum(arm.pulls * arm.cost for arm in known) / pulls if pulls else 0.0
    rooms = [] if budget.evaluations is None else [float(budget.evaluations)]
    if mean_s > 0:
        rooms += [room_s / mean_s for room_s in (budget.cpu_s,) if room_s is not None]
        rooms += [slots * room_s / mean_s for room_s in (budget.wall_s,) if room_s is not None]
    return min(rooms, default=0.0)
