from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Metric
from nightforge.domain.integrity import HiddenOpenings
from nightforge.domain.plan import Budget, GoalReading, ModelSpec, Plan
from nightforge.domain.task import BudgetDefaults, Objective, Parameter, StageSpec, Task
from nightforge.domain.words import Direction, SandboxTier, TeamKind
from nightforge.errors import BudgetRefused, NotFound, UserError
from workflows.contract import NightRequest, PlanCard
from workflows.planning import estimate, make_card, make_plan

TASK = Task(
    name="widget",
    title="Widget",
    goal="fast widget",
    domain="d",
    language="c",
    seed="seed.c",
    objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
    stages=(StageSpec(name="s", title="S"),),
    parameters=(
        Parameter(name="threads", title="threads", default=1, choices=(1, 2)),
        Parameter(name="n", title="size", default=100, minimum=10, maximum=1000),
    ),
    budget=BudgetDefaults(minutes=10),
    root=Path(),
)
READING = GoalReading(goal="fast widget", task="widget")


def calibrated(*, room: float | None = 2.0, band: float = 0.05, seconds: float = 5.0) -> Calibration:
    baselines = (
        Baseline(name="c-fast", title="C", metrics={"speedup": Metric(value=1.0)}),
        Baseline(name="torch", title="torch", available=False, missing_reason="torch is not installed"),
    )
    return Calibration(
        baselines=baselines,
        reference="c-fast",
        noise=Metric(value=0.02),
        band=band,
        room=room,
        seconds_per_evaluation=seconds,
    )


def card_of(plan: Plan, calibration: Calibration, tier: SandboxTier = SandboxTier.BUBBLEWRAP) -> PlanCard:
    hidden = HiddenOpenings(campaign=0, task=0, campaigns=0)
    return make_card(plan, TASK, calibration, tier, "nothing leaves", campaign_id="batad-gomod", hidden=hidden)


def test_flags_win_over_words_and_words_over_defaults() -> None:
    words = READING.model_copy(update={"budget": Budget(wall_s=120, cost_usd=3.0)})
    plan = make_plan(NightRequest(goal="g", budget=Budget(wall_s=30)), words, TASK)
    assert plan.budget == Budget(wall_s=30, cost_usd=3.0)
    assert make_plan(NightRequest(goal="g"), READING, TASK).budget == Budget(wall_s=600)


def test_default_budget_is_said() -> None:
    assert any("default budget" in note for note in make_plan(NightRequest(goal="g"), READING, TASK).notes)


@pytest.mark.parametrize("cap", ["evaluations", "wall_s", "cost_usd", "tokens"])
def test_a_budget_of_zero_is_refused_with_its_flag(cap: str) -> None:
    with pytest.raises(BudgetRefused, match="zero") as refused:
        make_plan(NightRequest(goal="g", budget=Budget.model_validate({cap: 0})), READING, TASK)
    assert refused.value.where.startswith("--")
    assert refused.value.exit_code == 5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"threads": 8}, "not on offer"), ({"n": 5}, "outside"), ({"colour": "red"}, "no parameter 'colour'")],
)
def test_a_parameter_that_the_task_does_not_offer_is_refused(parameters: dict[str, Scalar], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_plan(NightRequest(goal="g"), READING.model_copy(update={"parameters": parameters}), TASK)


def test_what_the_goal_leaves_out_is_the_default() -> None:
    reading = READING.model_copy(update={"parameters": {"threads": 2}})
    assert make_plan(NightRequest(goal="g"), reading, TASK).parameters == {"threads": 2, "n": 100}


def test_presets_by_team_and_by_name() -> None:
    assert make_plan(NightRequest(goal="g"), READING, TASK).search.preset == "solo"
    team = make_plan(NightRequest(goal="g", team=TeamKind.LLM), READING, TASK)
    assert (team.search.preset, team.search.drafts) == ("team", 2)
    with pytest.raises(NotFound, match="orchestra"):
        make_plan(NightRequest(goal="g", preset="orchestra"), READING, TASK)


def test_a_target_of_a_smaller_is_better_task_is_turned() -> None:
    task = TASK.model_copy(update={"objectives": (Objective(metric="area", unit="um2", direction=Direction.MIN),)})
    plan = make_plan(NightRequest(goal="g", target=300.0), READING, task)
    assert [rule.parameters for rule in plan.stop if rule.rule == "target"] == [{"value": -300.0}]
    assert all(rule.rule != "near-bound" for rule in plan.stop)


def test_the_card_names_missing_baselines_small_room_and_no_sandbox() -> None:
    plan = make_plan(NightRequest(goal="g"), READING, TASK)
    card = card_of(plan, calibrated(room=1.04), SandboxTier.UNSAFE_LOCAL)
    assert card.room_is_small
    assert any("torch" in warning for warning in card.warnings)
    assert any("NO SANDBOX" in warning for warning in card.warnings)
    calm = card_of(plan, calibrated())
    assert not calm.room_is_small
    assert not any("NO SANDBOX" in warning for warning in calm.warnings)
    unknown = card_of(plan, calibrated(room=None))
    assert not unknown.room_is_small


@pytest.mark.parametrize(
    ("budget", "wall_s", "evaluations"),
    [
        (Budget(wall_s=300), (300, 330), (51, 127)),
        (Budget(evaluations=20), (85, 175), (20, 20)),
        (Budget(evaluations=20, wall_s=300), (85, 175), (20, 20)),
        (Budget(evaluations=2000, wall_s=300), (300, 330), (51, 127)),
    ],
    ids=["wall", "evaluations", "evaluations first", "wall first"],
)
def test_an_estimate_allows_for_what_comes_after_the_search(
    budget: Budget, wall_s: tuple[float, float], evaluations: tuple[int, int]
) -> None:
    """At 5 s an evaluation: 45 s for three confirmations; after the cap two evaluations in flight and two duels."""
    guess = estimate(make_plan(NightRequest(goal="g", budget=budget), READING, TASK), calibrated())
    assert (guess.wall_s, guess.evaluations) == (wall_s, evaluations)


def test_an_estimate_allows_for_the_rehearsal() -> None:
    """Six candidates of known fate at 5 s each are within the cap on wall time."""
    timed = make_plan(NightRequest(goal="g", budget=Budget(wall_s=300)), READING, TASK)
    guess = estimate(timed, calibrated(), rehearsed=6)
    assert (guess.wall_s, guess.evaluations) == ((300, 330), (45, 112))
    counted = make_plan(NightRequest(goal="g", budget=Budget(evaluations=20)), READING, TASK)
    guess = estimate(counted, calibrated(), rehearsed=6)
    assert (guess.wall_s, guess.evaluations) == ((115, 205), (20, 20))


@given(
    evaluations=st.one_of(st.none(), st.integers(1, 10_000)),
    wall_s=st.one_of(st.none(), st.floats(1, 1e6)),
    seconds=st.floats(0.0, 100.0),
    cap=st.one_of(st.none(), st.floats(0.01, 100)),
)
def test_estimates_are_ordered_and_within_the_caps(
    evaluations: int | None, wall_s: float | None, seconds: float, cap: float | None
) -> None:
    models = (ModelSpec(model="m", input_usd_per_mtok=1.0, output_usd_per_mtok=4.0),)
    request = NightRequest(goal="g", budget=Budget(evaluations=evaluations, wall_s=wall_s, cost_usd=cap), models=models)
    guess = estimate(make_plan(request, READING, TASK), calibrated(seconds=seconds))
    assert 0 <= guess.evaluations[0] <= guess.evaluations[1]
    assert 0 <= guess.wall_s[0] <= guess.wall_s[1]
    assert 0 <= guess.cost_usd[0] <= guess.cost_usd[1]
    if cap is not None:
        assert guess.cost_usd[1] <= cap


def test_the_card_names_a_time_too_short_to_search_and_what_would_do() -> None:
    plan = make_plan(NightRequest(goal="g", budget=Budget(wall_s=600)), READING, TASK)
    long = card_of(plan, calibrated(seconds=180.0))
    (said,) = [warning for warning in long.warnings if "room for" in warning]
    assert "room for 0 evaluations: one takes 3 min, and 27 min are kept for confirming the best 3" in said
    assert "87 min would have room for 20" in said
    assert not any("room for" in warning for warning in card_of(plan, calibrated(seconds=5.0)).warnings)
    asked = make_plan(NightRequest(goal="g", budget=Budget(evaluations=1)), READING, TASK)
    assert not any("room for" in warning for warning in card_of(asked, calibrated(seconds=5.0)).warnings)
