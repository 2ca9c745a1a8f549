"""Stop rules as values: each says why the campaign should end, or None. Found through `nightforge.stop_rules`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nightforge.domain.base import Scalar
from nightforge.domain.candidate import Tally
from nightforge.domain.evidence import Calibration
from nightforge.domain.plan import Plan, StopSpec
from nightforge.domain.scoring import room_is_small
from nightforge.domain.words import Direction
from nightforge.errors import UserError
from nightforge.registry import STOP_RULES, load

EXHAUSTED_AFTER = 24
"""Candidates in a row that brought nothing to evaluate: the operators have nothing left to try."""


CONFIRMATION_COST = 3.0
"""What a confirmation takes, in evaluations: twice the rounds, hidden shapes beside the primary one, a fresh start."""
MINIMISING_SHARE = 0.03
"""Of the wall time, kept for taking out of the winner what it does not need."""
DUEL_COST = 2.0
"""What a duel of two confirmed ones takes, in evaluations: twice the rounds. It comes after the budget."""


@dataclass(frozen=True)
class Progress:
    tally: Tally
    active_s: float
    """Wall time of all sessions, this one included."""
    in_flight: int
    barren: int
    """Candidates in a row that ended without an evaluation."""
    reserve_s: float
    """What ending what is in flight and confirming will need, kept free of the wall-time budget."""
    now_s: float = 0.0
    """Wall clock, seconds since 1970 UTC."""
    cpu_s: float = 0.0
    """CPU time of this process and of the boxes that have ended, since the seed was measured."""


class StopRule(Protocol):
    def reason_to_stop(self, progress: Progress) -> str | None: ...


@dataclass(frozen=True)
class BudgetRule:
    """The hard caps of the plan; in-flight evaluations count, so that none is started over the cap."""

    plan: Plan

    def reason_to_stop(self, progress: Progress) -> str | None:
        budget, tally = self.plan.budget, progress.tally
        if budget.evaluations is not None and tally.evaluations >= budget.evaluations:
            return "budget:evaluations"
        if budget.wall_s is not None and progress.active_s + progress.reserve_s >= budget.wall_s:
            return "budget:wall_s"
        if budget.cpu_s is not None and progress.cpu_s >= budget.cpu_s:
            return "budget:cpu_s"
        if budget.cost_usd is not None and tally.cost_usd >= budget.cost_usd > 0:
            return "budget:cost_usd"
        if budget.tokens is not None and tally.tokens_in + tally.tokens_out >= budget.tokens:
            return "budget:tokens"
        return None


@dataclass(frozen=True)
class TargetRule:
    """Stops when the lower bound of the best score reaches `value` (turned: more is better)."""

    value: float

    def reason_to_stop(self, progress: Progress) -> str | None:
        best = progress.tally.best_score_low
        return "target" if best is not None and best >= self.value else None


@dataclass(frozen=True)
class PatienceRule:
    """Stops after `evaluations` evaluations without a better lower bound."""

    evaluations: int

    def reason_to_stop(self, progress: Progress) -> str | None:
        tally = progress.tally
        if tally.best_score is None:
            return None
        return "patience" if tally.evaluations - tally.last_improvement_evaluation >= self.evaluations else None


@dataclass(frozen=True)
class NearBoundRule:
    """Stops when the best is within `fraction` of the room that the roof or the proven bound leaves."""

    room: float
    fraction: float

    def reason_to_stop(self, progress: Progress) -> str | None:
        best = progress.tally.best_score_low
        return "near-bound" if best is not None and best >= self.room * self.fraction else None


@dataclass(frozen=True)
class UntilRule:
    """Stops so that what is in flight and the confirmation are done at `at_s` (seconds since 1970 UTC)."""

    at_s: float

    def reason_to_stop(self, progress: Progress) -> str | None:
        return "until" if progress.now_s + progress.reserve_s >= self.at_s else None


@dataclass(frozen=True)
class ExhaustedRule:
    after: int = EXHAUSTED_AFTER

    def reason_to_stop(self, progress: Progress) -> str | None:
        return "exhausted" if progress.barren >= self.after else None


RuleFactory = Callable[[Mapping[str, Scalar], Plan, Calibration | None], StopRule | None]
"""What an entry point of `nightforge.stop_rules` holds; None when the rule has nothing to hold on to."""


def make_target(parameters: Mapping[str, Scalar], plan: Plan, calibration: Calibration | None) -> StopRule:
    return TargetRule(_number(parameters, "value", "target"))


def make_patience(parameters: Mapping[str, Scalar], plan: Plan, calibration: Calibration | None) -> StopRule:
    return PatienceRule(int(_number(parameters, "evaluations", "patience")))


def make_near_bound(parameters: Mapping[str, Scalar], plan: Plan, calibration: Calibration | None) -> StopRule | None:
    """None where the room is within the noise: who starts all the same wants to see the attempts, not the seed."""
    if calibration is None or calibration.room is None or plan.objectives[0].direction is Direction.MIN:
        return None
    if room_is_small(plan.objectives[0], calibration):
        return None
    return NearBoundRule(calibration.room, _number(parameters, "fraction", "near-bound", default=0.97))


def make_until(parameters: Mapping[str, Scalar], plan: Plan, calibration: Calibration | None) -> StopRule:
    at = parameters.get("at")
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UserError(
            f"stop rule 'until' needs a time `at` with its zone, not {at!r}",
            where="plan.stop",
            hint="as 2030-01-31T07:00:00+01:00",
        )
    return UntilRule(moment.timestamp())


def rules_for(plan: Plan, calibration: Calibration | None) -> Sequence[StopRule]:
    rules: list[StopRule] = [BudgetRule(plan), ExhaustedRule()]
    rules.extend(rule for spec in plan.stop if (rule := _make(spec, plan, calibration)) is not None)
    return rules


def first_reason(rules: Sequence[StopRule], progress: Progress) -> str | None:
    return next((reason for rule in rules if (reason := rule.reason_to_stop(progress))), None)


def _make(spec: StopSpec, plan: Plan, calibration: Calibration | None) -> StopRule | None:
    factory = load(STOP_RULES, spec.rule)
    if not callable(factory):
        raise UserError(f"{spec.rule!r} is registered, but cannot be called", where=STOP_RULES)
    rule: StopRule | None = factory(spec.parameters, plan, calibration)
    return rule


def _number(parameters: Mapping[str, Scalar], name: str, rule: str, *, default: float | None = None) -> float:
    value = parameters.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UserError(f"stop rule {rule!r} needs a number {name!r}, not {value!r}", where="plan.stop")
    return float(value)
