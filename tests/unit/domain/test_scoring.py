from __future__ import annotations

import pytest

from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.scoring import beats_reference, score_evidence, violated
from nightforge.domain.task import Constraint, Objective
from nightforge.domain.words import Direction, Outcome, SandboxTier
from nightforge.errors import EvaluatorFault

SPEEDUP = Objective(metric="speedup", unit="x", direction=Direction.MAX)
AREA = Objective(metric="area_um2", unit="um2", direction=Direction.MIN)


def evidence(outcome: Outcome = Outcome.PASS, **metrics: Metric) -> Evidence:
    stage = StageEvidence(
        stage="full", outcome=outcome, reason="" if outcome is Outcome.PASS else "bad", metrics=metrics
    )
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))


def test_more_is_better_whatever_the_direction() -> None:
    fast = score_evidence(evidence(speedup=Metric(value=1.5, low=1.4, high=1.6)), SPEEDUP)
    small = score_evidence(evidence(area_um2=Metric(value=100.0, low=90.0, high=120.0)), AREA)
    large = score_evidence(evidence(area_um2=Metric(value=200.0, low=190.0, high=220.0)), AREA)
    assert fast is not None
    assert small is not None
    assert large is not None
    assert (fast.value, fast.low) == (1.5, 1.4)
    assert (small.value, small.low) == (-100.0, -120.0)
    assert small.value > large.value


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.ERROR, Outcome.TIMEOUT])
def test_failure_has_no_number_even_when_it_brings_a_splendid_one(outcome: Outcome) -> None:
    assert score_evidence(evidence(outcome, speedup=Metric(value=1e9)), SPEEDUP) is None


def test_passed_evidence_without_its_objective_is_our_fault() -> None:
    with pytest.raises(EvaluatorFault, match="speedup"):
        score_evidence(evidence(other=Metric(value=1.0)), SPEEDUP)


def test_a_missing_metric_breaks_its_constraint() -> None:
    limit = Constraint(metric="err_rel", relation="<=", bound=1e-5)
    assert violated(evidence(speedup=Metric(value=2.0)), (limit,)) == limit
    assert violated(evidence(err_rel=Metric(value=1e-6)), (limit,)) is None
    assert violated(evidence(err_rel=Metric(value=1e-4)), (limit,)) == limit


def plan_and_calibration(band: float) -> tuple[Plan, Calibration]:
    plan = Plan(goal="g", task="t", objectives=(SPEEDUP,), budget=Budget(evaluations=1))
    baseline = Baseline(name="c-fast", title="C", metrics={"speedup": Metric(value=1.0)})
    return plan, Calibration(baselines=(baseline,), reference="c-fast", noise=Metric(value=band / 2), band=band)


def test_a_gain_counts_only_beyond_the_band_by_its_lower_bound() -> None:
    plan, calibration = plan_and_calibration(0.05)
    assert beats_reference(evidence(speedup=Metric(value=1.2, low=1.1)), plan, calibration)
    assert not beats_reference(evidence(speedup=Metric(value=1.2, low=1.04)), plan, calibration)
    indistinct = evidence(speedup=Metric(value=1.2, low=1.1), distinguishable=Metric(value=0.0))
    assert not beats_reference(indistinct, plan, calibration)
    assert not beats_reference(evidence(Outcome.FAIL, speedup=Metric(value=9.0)), plan, calibration)
    assert not beats_reference(evidence(speedup=Metric(value=9.0)), plan, None)
