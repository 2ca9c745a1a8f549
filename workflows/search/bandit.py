"""A cost-aware bandit over the ways to make a candidate: model × operator, or the offline team's operators.

Thompson sampling with rewards between 0 and 1 (Agrawal and Goyal 2012) per unit of cost, as in budgeted bandits (Xia
et al. 2015); old results fade, because what paid early need not pay late. It draws at random, so that many candidates
in flight do not all take the same arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from nightforge.domain.archive import Arm

FADE = 0.97
"""What a result leaves of the arm's older ones."""
PRIOR_PULLS = 4.0
"""An arm's prior counts as so many results."""
LEAST_SHARE = 0.25
"""An arm is never taken for cheaper than this part of the mean cost: an evaluation costs time whoever proposed it."""
COST_MEMORY = 0.8


@dataclass(frozen=True, slots=True)
class Way:
    """One arm as the policy may choose it."""

    model: str
    operator: str
    prior: float
    """Expected reward before anything is known, between 0 and 1; also its share of the first draws."""

    @property
    def key(self) -> tuple[str, str]:
        return self.model, self.operator


def reward_of(gain: float, usual: float) -> float:
    """Gain over the parent → 0 … 1: one half for the usual gain of this campaign."""
    if gain <= 0:
        return 0.0
    return gain / (gain + usual) if usual > 0 else 0.5


def learn(arm: Arm, reward: float, cost: float) -> Arm:
    known = arm.pulls > 0
    return replace(
        arm,
        pulls=arm.pulls + 1,
        wins=FADE * arm.wins + reward,
        losses=FADE * arm.losses + 1.0 - reward,
        cost=COST_MEMORY * arm.cost + (1 - COST_MEMORY) * cost if known else cost,
    )


def choose(ways: Sequence[Way], arms: Mapping[tuple[str, str], Arm], random: Random) -> Way:
    """One of `ways` (never empty): the best of one draw each from what its reward may be, per cost."""
    seen = [arms[way.key].cost for way in ways if way.key in arms]
    mean = sum(seen) / len(seen) if seen else 0.0

    def worth(way: Way) -> float:
        arm = arms.get(way.key)
        wins = way.prior * PRIOR_PULLS + (arm.wins if arm else 0.0)
        losses = (1.0 - way.prior) * PRIOR_PULLS + (arm.losses if arm else 0.0)
        drawn = random.betavariate(max(wins, 1e-3), max(losses, 1e-3))
        cost = max(arm.cost / mean, LEAST_SHARE) if arm and mean > 0 else 1.0
        return drawn / cost

    return max(ways, key=worth)
