"""Flags and plan files become a request."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from nightforge.cli.plan_file import check_plan, check_plan_place, read_plan, write_plan
from nightforge.cli.requests import ModelFlags, SearchFlags, with_flags
from nightforge.domain.plan import Budget, ModelSpec, Plan, SearchSpec, StopSpec
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction, TeamKind
from nightforge.errors import UserError
from nightforge.settings import Settings

WEIGHT = Objective(metric="weight", unit="kg", direction=Direction.MIN)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    configured = ModelSpec(model="a", input_usd_per_mtok=1, output_usd_per_mtok=2)
    return Settings(home=tmp_path, database_url="sqlite://", models=(configured,), base_url="http://127.0.0.1:1/v1")


def test_configured_models_are_taken_with_the_endpoint(settings: Settings) -> None:
    (model,) = ModelFlags().choose(settings)
    assert (model.model, model.base_url, model.input_usd_per_mtok) == ("a", "http://127.0.0.1:1/v1", 1)


def test_named_models_replace_the_configured_ones_and_take_prices(settings: Settings) -> None:
    flags = ModelFlags(names=("a", "b"), base_url="http://127.0.0.1:2/v1", price_in=3, price_out=0)
    models = flags.choose(settings)
    assert [model.model for model in models] == ["a", "b"]
    assert {(model.base_url, model.input_usd_per_mtok, model.output_usd_per_mtok) for model in models} == {
        ("http://127.0.0.1:2/v1", 3, 0)
    }


def test_offline_uses_none(settings: Settings) -> None:
    assert ModelFlags(offline=True).choose(settings) == ()
    with pytest.raises(UserError, match="uses no model"):
        ModelFlags(offline=True, names=("a",)).checked()


def test_a_price_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model"):
        ModelFlags(price_in=1).choose(Settings(home=tmp_path, database_url="sqlite://"))


@pytest.mark.parametrize("flags", [SearchFlags(target=math.nan), SearchFlags(target=math.inf)])
def test_a_target_is_a_finite_number(flags: SearchFlags) -> None:
    with pytest.raises(UserError) as caught:
        flags.checked()
    assert (caught.value.exit_code, caught.value.where) == (2, "--target")


def test_a_plan_survives_its_file(plan: Plan, tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.json", plan)
    assert read_plan(tmp_path / "plan.json") == plan


def test_a_plan_in_toml(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        'schema_version = 1\ngoal = "g"\ntask = "t"\n[budget]\nevaluations = 5\n'
        '[[objectives]]\nmetric = "m"\nunit = "x"\ndirection = "max"\n'
    )
    assert read_plan(tmp_path / "plan.toml").budget.evaluations == 5


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("plan.toml", "goal = \n", "line 1"),
        ("plan.json", '{"goal": "g",\n "task": }', "line 2"),
        ("plan.json", '{"goal": "g", "task": "t", "budget": {"evaluations": -1}}', "budget.evaluations"),
        ("plan.json", '{"goal": "g", "task": "t", "budget": {}, "objectives": [], "x": 1}', "x: Extra"),
        ("plan.json", '{"schema_version": 2, "goal": "g"}', "schema_version"),
        ("plan.json", "\udcff", "UTF-8"),
    ],
)
def test_a_malformed_plan_names_line_or_field(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=words) as caught:
        read_plan(tmp_path / name)
    assert (caught.value.exit_code, caught.value.where) == (2, str(tmp_path / name))
    assert caught.value.hint


def test_a_missing_plan_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such plan file") as caught:
        read_plan(tmp_path / "plan.json")
    assert caught.value.exit_code == 2


def test_a_plan_is_written_as_json_only(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="written as JSON"):
        write_plan(tmp_path / "plan.toml", plan)


def test_a_plan_without_a_folder_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder does not exist"):
        check_plan_place(tmp_path / "nowhere" / "plan.json")
    check_plan_place(tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"goal": " "}, "goal: it is empty"),
        ({"team": TeamKind.LLM}, "team: llm with 0 models"),
        ({"search": SearchSpec(preset="nope")}, "no preset 'nope'"),
        ({"stop": (StopSpec(rule="nope"),)}, "stop: no 'nope' is registered"),
        ({"stop": (StopSpec(rule="target", parameters={"value": "high"}),)}, "stop: .* needs a number 'value'"),
        (
            {"objectives": (Objective(metric="weight", unit="kg", direction=Direction.MIN),)},
            "does not measure 'weight'",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_plan_that_cannot_work_is_refused_before_anything_is_stored(
    plan: Plan, update: dict[str, object], words: str
) -> None:
    check_plan(plan, "plan.json")
    with pytest.raises(UserError, match=words) as caught:
        check_plan(plan.model_copy(update=update), "plan.json")
    assert caught.value.exit_code == 2
    assert caught.value.where.startswith("plan.json")
    assert caught.value.hint


def test_a_preset_by_flag_must_exist() -> None:
    with pytest.raises(UserError, match="no preset 'nope'") as caught:
        SearchFlags(preset="nope").checked()
    assert (caught.value.exit_code, caught.value.where) == (2, "--preset")


def test_a_policy_by_flag_must_exist() -> None:
    with pytest.raises(UserError, match="no search policy 'nope'") as caught:
        SearchFlags(policy="nope").checked()
    assert (caught.value.exit_code, caught.value.where) == (2, "--policy")
    assert "hill-climb" in caught.value.hint


def test_flags_win_over_the_plan(plan: Plan) -> None:
    flags = SearchFlags(preset="pair", seed=7, in_flight=2, target=1.5, patience=9, policy="ga")
    merged = with_flags(plan, Budget(evaluations=3), flags, ModelFlags(), ())
    assert merged.budget == Budget(evaluations=3, wall_s=600, cost_usd=2.0)
    assert (merged.search.preset, merged.search.seed, merged.search.in_flight) == ("pair", 7, 2)
    assert merged.search.policy == "ga"
    assert merged.stop == (
        *plan.stop,
        StopSpec(rule="target", parameters={"value": 1.5}),
        StopSpec(rule="patience", parameters={"evaluations": 9}),
    )


def test_without_flags_a_plan_stays_as_it_is(plan: Plan) -> None:
    assert with_flags(plan, Budget(), SearchFlags(), ModelFlags(), ()) == plan


def test_a_plan_keeps_its_task(plan: Plan) -> None:
    with pytest.raises(UserError, match="the plan is for task softmax-long"):
        with_flags(plan, Budget(), SearchFlags(task="axpy"), ModelFlags(), ())


def test_models_by_flag_make_a_plan_a_model_plan_and_offline_unmakes_it(plan: Plan) -> None:
    model = ModelSpec(model="m", base_url="http://127.0.0.1:1/v1", input_usd_per_mtok=0, output_usd_per_mtok=0)
    with_model = with_flags(plan, Budget(), SearchFlags(), ModelFlags(names=("m",)), (model,))
    assert (with_model.team, with_model.models) == (TeamKind.LLM, (model,))
    without = with_flags(with_model, Budget(), SearchFlags(), ModelFlags(offline=True), ())
    assert (without.team, without.models) == (TeamKind.OFFLINE, ())
