"""The bench of agents: its goals, its rows, and who notices a changed prompt."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from nightforge.catalogue import shipped_tasks
from nightforge.cli.bench import _how_far
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.team import NoDraft
from nightforge.domain.words import Outcome
from workflows.agent_bench import (
    GOALS,
    BenchRow,
    Trial,
    _failure_for_repair,
    prompt_versions,
    read_rows,
    unmeasured_prompts,
)


def row(prompts: dict[str, str]) -> BenchRow:
    return BenchRow(
        at=datetime(2026, 11, 21, tzinfo=UTC),
        model="m",
        host="h",
        prompts=prompts,
        goals=12,
        gain=1.0,
        calls=4,
        tokens_in=1,
        tokens_out=1,
        cost_usd=0.5,
        gain_per_call=0.25,
        gain_per_usd=2.0,
    )


@pytest.fixture
def script(root: Path) -> ModuleType:
    found = importlib.util.spec_from_file_location("prompts_script", root / "scripts" / "prompts.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def root() -> Path:
    return Path(__file__).parents[3]


def test_there_are_twelve_goals_on_shipped_tasks() -> None:
    assert len(GOALS) == len({goal.text for goal in GOALS}) == 12
    assert {goal.task for goal in GOALS} <= {task.name for task in shipped_tasks()}


def test_a_changed_prompt_is_noticed(tmp_path: Path, script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    versions = prompt_versions()
    assert {"coder", "judge", "planner_goal", "planner_step", "analyst"} <= set(versions)
    rows = tmp_path / "agents.jsonl"
    assert set(unmeasured_prompts(read_rows(rows), versions)) == set(versions), "no file, no row"
    rows.write_text(row(versions).model_dump_json() + "\n", encoding="utf-8")
    assert read_rows(rows) == [row(versions)]
    assert script.main(rows, strict=True) == 0
    rows.write_text(row({**versions, "coder": "0-other"}).model_dump_json() + "\n", encoding="utf-8")
    assert unmeasured_prompts(read_rows(rows), versions) == ["coder"]
    assert script.main(rows, strict=True) == 1
    assert script.main(rows) == 0, "a warning only"
    assert "prompt coder has changed" in capsys.readouterr().err


def test_each_shipped_prompt_has_a_row_or_a_warning(
    root: Path, script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read_rows(root / "benchmarks" / "agents.jsonl")
    assert rows, "the shipped file: `python benchmarks/agents_server.py` and `nightforge bench agents --stand-in`"
    assert all(one.goals == 12 for one in rows)
    assert all(one.stand_in for one in rows if one.model == "stand-in"), "no model's work, and marked so"
    assert script.main() == 0
    warned = capsys.readouterr().err
    for name, version in prompt_versions().items():
        has_row = any(one.prompts.get(name) == version for one in rows)
        assert has_row != (f"prompt {name} has changed" in warned)


def test_only_what_can_be_mended_is_given_to_repair() -> None:
    assert _failure_for_repair(NoDraft(reason="truncated"), None) is None
    shown = _failure_for_repair(NoDraft(reason="no_program", feedback="prose"), None)
    assert shown == StageEvidence(stage="gate", outcome=Outcome.FAIL, reason="no_program", feedback="prose")


def test_a_goal_that_was_misread_is_told_as_such() -> None:
    trial = Trial(goal="g", task="rmsnorm", parsed=True, read_as="axpy")
    assert _how_far(trial) == "rmsnorm: parsed; the goal was read as axpy"
    assert _how_far(trial.model_copy(update={"planned": True})) == "rmsnorm: parsed"
    assert _how_far(trial.model_copy(update={"read_as": ""})).endswith("read as no task")
