"""Evidence → the one number that ranks, turned so that more is better. Failure has no number."""

from __future__ import annotations

from dataclasses import dataclass

from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.plan import Plan
from nightforge.domain.task import Constraint, Objective
from nightforge.domain.words import Direction
from nightforge.errors import EvaluatorFault


@dataclass(frozen=True)
class Score:
    value: float
    low: float
    """Lower confidence bound in the turned sense."""


def score_evidence(evidence: Evidence, objective: Objective) -> Score | None:
    """None unless every stage passed; EvaluatorFault when a passed evidence lacks its objective."""
    if not evidence.passed:
        return None
    metric = evidence.metrics.get(objective.metric)
    if metric is None:
        raise EvaluatorFault(
            f"a passed evaluation has no metric {objective.metric!r}",
            hint="the evaluator must measure every objective of the task",
        )
    if objective.direction is Direction.MAX:
        return Score(metric.value, metric.low if metric.low is not None else metric.value)
    return Score(-metric.value, -(metric.high if metric.high is not None else metric.value))


def turned(evidence: Evidence, objective: Objective) -> float | None:
    """The metric of one objective as a number of which more is better; None where it was not measured."""
    metric = evidence.metrics.get(objective.metric)
    if metric is None:
        return None
    return metric.value if objective.direction is Direction.MAX else -metric.value


def violated(evidence: Evidence, constraints: tuple[Constraint, ...]) -> Constraint | None:
    """The first constraint that the metrics break; a missing metric breaks it."""
    for constraint in constraints:
        metric = evidence.metrics.get(constraint.metric)
        if metric is None:
            return constraint
        held = metric.value <= constraint.bound if constraint.relation == "<=" else metric.value >= constraint.bound
        if not held:
            return constraint
    return None


def beats_reference(evidence: Evidence, plan: Plan, calibration: Calibration | None) -> bool:
    """True when the gain over the reference stands outside the noise band, by its own lower bound."""
    return calibration is not None and gain_stands(evidence, plan.objectives[0], calibration)


def gain_stands(evidence: Evidence, objective: Objective, calibration: Calibration) -> bool:
    """`beats_reference` without a plan."""
    if not evidence.passed or not evidence.distinguishable:
        return False
    score = score_evidence(evidence, objective)
    bound = smallest_gain(objective, calibration)
    return score is not None and bound is not None and score.low > bound


def smallest_gain(objective: Objective, calibration: Calibration) -> float | None:
    """The turned objective from which on a gain over the reference can be told apart on this machine."""
    reference = reference_score(objective, calibration)
    return None if reference is None else reference + calibration.band * abs(reference)


def room_is_small(objective: Objective, calibration: Calibration) -> bool:
    """What the roof or the bound leaves is not more than what can be told apart."""
    bound = smallest_gain(objective, calibration)
    if calibration.room is None or bound is None:
        return False
    room = calibration.room if objective.direction is Direction.MAX else -calibration.room
    return room <= bound


def reference_score(objective: Objective, calibration: Calibration) -> float | None:
    """The turned objective of the strongest baseline: 1 for a ratio against it."""
    for baseline in calibration.baselines:
        if baseline.name == calibration.reference:
            metric = baseline.metrics.get(objective.metric)
            if metric is not None:
                return metric.value if objective.direction is Direction.MAX else -metric.value
    return None
