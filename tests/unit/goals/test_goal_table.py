"""The table of goals (goals.toml) against the tasks that are shipped, with no model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.planner_reading import GOAL_LIMIT, read_goal_by_words
from nightforge.catalogue import shipped_tasks
from nightforge.domain.plan import GoalReading
from nightforge.domain.task import Task

GOALS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "goals.toml").read_text(encoding="utf-8"))["goal"]
NOW = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def tasks() -> Sequence[Task]:
    return shipped_tasks()


def read(goal: str, tasks: Sequence[Task]) -> GoalReading:
    return read_goal_by_words(goal, tasks, now=NOW, machine="x86_64")


@pytest.mark.parametrize("row", GOALS, ids=[row["text"][:60] for row in GOALS])
def test_a_goal_is_matched_asked_about_or_refused(row: Mapping[str, Any], tasks: Sequence[Task]) -> None:
    reading = read(row["text"], tasks)
    outcome = "refuse" if reading.task is None else "ask" if reading.questions else "match"
    assert outcome == row["expect"], reading
    if outcome == "refuse":
        assert row["says"] in reading.refusal
        assert reading.matches, "a refusal lists what there is, or what came near"
        return
    assert reading.task == row.get("task", reading.task)
    assert [question.name for question in reading.questions] == row.get("asks", [])
    assert reading.refusal == ""
    assert reading.target == row.get("target")
    assert reading.budget.model_dump(exclude_none=True) == row.get("budget", {})
    assert {name: reading.parameters[name] for name in row.get("parameters", {})} == row.get("parameters", {})


def test_the_table_is_as_large_as_promised() -> None:
    outcomes = [row["expect"] for row in GOALS]
    assert len(GOALS) >= 20
    assert outcomes.count("ask") + outcomes.count("refuse") >= 8
    assert len({row["text"] for row in GOALS}) == len(GOALS)


@pytest.mark.parametrize("row", [row for row in GOALS if row["expect"] == "ask"], ids=lambda row: row["text"][:60])
def test_every_question_has_a_default_on_offer(row: Mapping[str, Any], tasks: Sequence[Task]) -> None:
    for question in read(row["text"], tasks).questions:
        assert question.text.endswith("?")
        assert question.default in question.choices


def test_every_task_is_found_by_its_own_goal_and_title(tasks: Sequence[Task]) -> None:
    for task in tasks:
        assert read(task.goal, tasks).task == task.name
        assert read(task.title, tasks).matches[0].task == task.name


def test_a_refusal_for_nothing_at_all_names_every_task(tasks: Sequence[Task]) -> None:
    refusal = read("a sonnet about autumn", tasks).refusal
    assert all(task.name in refusal for task in tasks)


def test_without_tasks_nothing_fits() -> None:
    assert "No task is installed" in read("softmax", ()).refusal


def test_a_document_is_no_goal(tasks: Sequence[Task]) -> None:
    reading = read("softmax " * 1000, tasks)
    assert reading.task is None
    assert "characters" in reading.refusal


@pytest.mark.parametrize(
    "text",
    [
        'softmax" OR "axpy',
        "softmax\x00\x1b[31m of a long row",
        "soft\u202emax",
        "';--",
        "{subject} : *",
        "NEAR(softmax axpy)",
    ],
)
def test_hostile_goals_are_read_without_error(text: str, tasks: Sequence[Task]) -> None:
    reading = read(text, tasks)
    assert reading.task in {None, *(task.name for task in tasks)}


@pytest.mark.parametrize("text", ["1 ", "1x", "1,", "area ", "a x ", "1", "10-", "softmax 1", "1 rows of "])
@pytest.mark.timeout(30)
def test_a_long_odd_goal_is_read_in_bounded_time(text: str, tasks: Sequence[Task]) -> None:
    """A pattern that backtracks over a long goal would hang here for minutes."""
    read((text * GOAL_LIMIT)[: GOAL_LIMIT - 1], tasks)
