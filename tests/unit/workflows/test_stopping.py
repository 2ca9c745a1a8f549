from __future__ import annotations

import pytest

from nightforge.domain.candidate import Tally
from nightforge.domain.evidence import Baseline, Calibration, Metric
from nightforge.domain.plan import Budget, Plan, StopSpec
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction
from nightforge.errors import NotFound, UserError
from workflows.stopping import Progress, first_reason, rules_for


def make_plan(budget: Budget, *stop: StopSpec, direction: Direction = Direction.MAX) -> Plan:
    objective = Objective(metric="speedup", unit="x", direction=direction)
    return Plan(goal="g", task="t", objectives=(objective,), budget=budget, stop=stop)


def progress(tally: Tally, *, active_s: float = 0.0, barren: int = 0, reserve_s: float = 0.0) -> Progress:
    return Progress(tally=tally, active_s=active_s, in_flight=0, barren=barren, reserve_s=reserve_s)


def calibration(room: float | None) -> Calibration:
    reference = Baseline(name="c", title="C", metrics={"speedup": Metric(value=1.0)})
    return Calibration(baselines=(reference,), reference="c", noise=Metric(value=0.01), band=0.02, room=room)


@pytest.mark.parametrize(
    ("budget", "tally", "active_s", "reason"),
    [
        (Budget(evaluations=10), Tally(evaluations=10), 0, "budget:evaluations"),
        (Budget(evaluations=10), Tally(evaluations=9), 0, None),
        (Budget(wall_s=60), Tally(), 60, "budget:wall_s"),
        (Budget(wall_s=60), Tally(), 59, None),
        (Budget(cost_usd=1.5), Tally(cost_usd=1.5), 0, "budget:cost_usd"),
        (Budget(tokens=100), Tally(tokens_in=60, tokens_out=40), 0, "budget:tokens"),
        (Budget(tokens=100), Tally(tokens_in=60, tokens_out=39), 0, None),
    ],
)
def test_each_cap_stops_at_its_cap_and_not_before(
    budget: Budget, tally: Tally, active_s: float, reason: str | None
) -> None:
    rules = rules_for(make_plan(budget), None)
    assert first_reason(rules, progress(tally, active_s=active_s)) == reason


def test_wall_time_keeps_what_confirmation_needs() -> None:
    rules = rules_for(make_plan(Budget(wall_s=60)), None)
    assert first_reason(rules, progress(Tally(), active_s=40, reserve_s=20)) == "budget:wall_s"


def test_target_looks_at_the_lower_bound() -> None:
    rules = rules_for(make_plan(Budget(), StopSpec(rule="target", parameters={"value": 1.5})), None)
    assert first_reason(rules, progress(Tally(best_score=1.6, best_score_low=1.4))) is None
    assert first_reason(rules, progress(Tally(best_score=1.6, best_score_low=1.5))) == "target"


def test_patience_counts_evaluations_since_the_last_improvement() -> None:
    rules = rules_for(make_plan(Budget(), StopSpec(rule="patience", parameters={"evaluations": 5})), None)
    best = Tally(best_score=1.0, best_score_low=1.0, last_improvement_evaluation=10)
    assert first_reason(rules, progress(best.model_copy(update={"evaluations": 14}))) is None
    assert first_reason(rules, progress(best.model_copy(update={"evaluations": 15}))) == "patience"
    assert first_reason(rules, progress(Tally(evaluations=15))) is None, (
        "nothing measured yet: nothing to be patient of"
    )


def test_near_bound_needs_a_room_and_a_direction_it_understands() -> None:
    spec = StopSpec(rule="near-bound", parameters={"fraction": 0.9})
    near = progress(Tally(best_score=1.9, best_score_low=1.8))
    assert first_reason(rules_for(make_plan(Budget(), spec), calibration(2.0)), near) == "near-bound"
    assert first_reason(rules_for(make_plan(Budget(), spec), calibration(2.1)), near) is None
    assert first_reason(rules_for(make_plan(Budget(), spec), calibration(None)), near) is None
    assert first_reason(rules_for(make_plan(Budget(), spec, direction=Direction.MIN), calibration(2.0)), near) is None


def test_near_bound_does_not_end_at_the_seed_where_the_room_is_within_the_noise() -> None:
    spec = StopSpec(rule="near-bound", parameters={"fraction": 0.97})
    seed = progress(Tally(best_score=1.0, best_score_low=0.99))
    assert first_reason(rules_for(make_plan(Budget(evaluations=9), spec), calibration(1.01)), seed) is None
    assert first_reason(rules_for(make_plan(Budget(evaluations=9), spec), calibration(1.03)), seed) is None
    near = progress(Tally(best_score=1.02, best_score_low=1.01))
    assert first_reason(rules_for(make_plan(Budget(evaluations=9), spec), calibration(1.03)), near) == "near-bound"


def test_a_campaign_without_anything_left_to_try_ends() -> None:
    rules = rules_for(make_plan(Budget(evaluations=100)), None)
    assert first_reason(rules, progress(Tally(), barren=23)) is None
    assert first_reason(rules, progress(Tally(), barren=24)) == "exhausted"


def test_unknown_rule_and_bad_parameter_are_named() -> None:
    with pytest.raises(NotFound, match="no 'moonrise' is registered") as unknown:
        rules_for(make_plan(Budget(), StopSpec(rule="moonrise")), None)
    assert "patience" in unknown.value.hint
    with pytest.raises(UserError, match="needs a number 'value'"):
        rules_for(make_plan(Budget(), StopSpec(rule="target", parameters={"value": "high"})), None)
