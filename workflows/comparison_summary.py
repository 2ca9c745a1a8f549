"""From finished campaigns to curves and standings: means over seeds with bootstrap intervals, paired by seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from evaluators.statistics import bootstrap_mean
from nightforge.domain.candidate import Candidate
from nightforge.domain.comparison import FEWEST_PAIRS, Axis, Cell, Comparison, Curve, Run, Standing, Step, Summary
from nightforge.domain.evidence import Metric
from nightforge.domain.ports import Store
from nightforge.domain.scoring import score_evidence
from nightforge.domain.task import Objective
from nightforge.domain.words import CandidateState, EvidenceClass

PLACES = 60
"""Of a curve over seconds or dollars."""


def summarise(store: Store, comparison: Comparison, objective: Objective) -> Summary:
    """Reads every candidate of the finished campaigns once; unfinished ones are left out and counted."""
    spec = comparison.spec
    runs = tuple(read_run(store, cell, objective) for cell in comparison.cells if cell.done)
    by: Literal["confirmed", "measured"] = "confirmed"
    if any(run.confirmed is None for run in runs):
        by = "measured"
    curves: dict[Axis, tuple[Curve, ...]] = {}
    axes: tuple[Axis, ...] = ("evaluations", "seconds", "dollars")
    for axis in axes:
        drawn = tuple(curve for policy in spec.policies if (curve := _curve(policy, _of(runs, policy), axis)))
        if drawn and not (axis == "dollars" and all(run.dollars == 0 for run in runs)):
            curves[axis] = drawn
    return Summary(
        spec=spec,
        unit=objective.unit,
        evidence_class=EvidenceClass.ISOLATED
        if comparison.calibration is None
        else comparison.calibration.evidence_class,
        paired_by=by,
        standings=tuple(standing(policy, spec.policies[0], runs, by, objective.unit) for policy in spec.policies),
        curves=curves,
        runs=runs,
        left=sum(not cell.done for cell in comparison.cells),
    )


def read_run(store: Store, cell: Cell, objective: Objective) -> Run:
    """The campaign's candidates in the order in which they ended."""
    campaign = store.campaign(cell.campaign_id)
    candidates = [store.candidate(cell.campaign_id, number) for number in range(store.next_ordinal(cell.campaign_id))]
    start = candidates[0].created_at
    ended = [(one.finished_at, one) for one in candidates if one.finished_at is not None]
    steps, evaluations, dollars, seconds = list[Step](), 0, 0.0, 0.0
    best: float | None = None
    confirmed: float | None = None
    for finished_at, candidate in sorted(ended, key=lambda pair: (pair[0], pair[1].ordinal)):
        attempts = store.attempts(cell.campaign_id, candidate.ordinal)
        evaluations += sum(attempt.evidence is not None for attempt in attempts)
        if campaign.plan.models:
            dollars += sum(call.cost_usd for call in store.calls(cell.campaign_id, ordinal=candidate.ordinal))
        seconds = (finished_at - start).total_seconds()
        # The row's own score is the confirmation's once there is one: the search's stands in the evidence.
        score = score_evidence(candidate.evidence, objective) if candidate.evidence and _counts(candidate) else None
        if score is not None and (best is None or score.value > best):
            best = score.value
            steps.append(Step(evaluations=evaluations, seconds=seconds, dollars=dollars, best=best))
        found = candidate.confirmation
        can_count = found is not None and found.evidence_class.can_be_confirmed
        again = score_evidence(found, objective) if found is not None and can_count else None
        if again is not None and candidate.state is not CandidateState.SUSPICIOUS:
            confirmed = again.value if confirmed is None else max(confirmed, again.value)
    return Run(
        cell=cell,
        steps=tuple(steps),
        evaluations=evaluations,
        seconds=seconds,
        dollars=dollars,
        measured=best,
        confirmed=confirmed,
    )


def _counts(candidate: Candidate) -> bool:
    return candidate.score is not None and candidate.state is not CandidateState.SUSPICIOUS


def _of(runs: Sequence[Run], policy: str) -> list[Run]:
    return [run for run in runs if run.cell.policy == policy]


def _curve(policy: str, runs: Sequence[Run], axis: Axis) -> Curve | None:
    """Where every run has a score already; a run that ended keeps its last. None without a place for it."""
    usable = [run for run in runs if run.steps and not (axis == "seconds" and run.cell.interrupted)]
    if not usable:
        return None
    begin = max(_place(run.steps[0], axis) for run in usable)
    end = max(_spent(run, axis) for run in usable)
    count = round(end - begin) + 1 if axis == "evaluations" else PLACES
    places = [begin + (end - begin) * number / max(1, count - 1) for number in range(count)]
    bands = [bootstrap_mean([_best_at(run, place, axis) for run in usable], resamples=2000) for place in places]
    return Curve(
        policy=policy,
        places=tuple(places),
        mean=tuple(band.value for band in bands),
        low=tuple(band.low for band in bands),
        high=tuple(band.high for band in bands),
    )


def _place(step: Step, axis: Axis) -> float:
    return float(getattr(step, axis))


def _spent(run: Run, axis: Axis) -> float:
    return float(getattr(run, axis))


def _best_at(run: Run, place: float, axis: Axis) -> float:
    reached = [step.best for step in run.steps if _place(step, axis) <= place + 1e-9]
    return reached[-1] if reached else run.steps[0].best


def standing(policy: str, first: str, runs: Sequence[Run], by: Literal["confirmed", "measured"], unit: str) -> Standing:
    """A policy's means over seeds, and its difference to the policy `first`, paired by seed."""
    own = _of(runs, policy)
    others = {run.cell.seed: _number(run, by) for run in _of(runs, first)}
    pairs = [
        mine - theirs
        for run in own
        if (mine := _number(run, by)) is not None and (theirs := others.get(run.cell.seed)) is not None
    ]
    difference = _interval(pairs, unit) if policy != first else None
    return Standing(
        policy=policy,
        runs=len(own),
        measured=_interval([run.measured for run in own if run.measured is not None], unit),
        confirmed=_interval([run.confirmed for run in own if run.confirmed is not None], unit),
        difference=difference,
        distinguishable=difference is not None and len(pairs) >= FEWEST_PAIRS and _excludes_zero(difference),
        seconds=_interval([run.seconds for run in own if not run.cell.interrupted], "s"),
        evaluations=_interval([float(run.evaluations) for run in own], "evaluations"),
    )


def _number(run: Run, by: Literal["confirmed", "measured"]) -> float | None:
    return run.confirmed if by == "confirmed" else run.measured


def _excludes_zero(metric: Metric) -> bool:
    return metric.low is not None and metric.high is not None and (metric.low > 0 or metric.high < 0)


def _interval(values: Sequence[float], unit: str) -> Metric | None:
    return bootstrap_mean(values).metric(unit) if values else None
