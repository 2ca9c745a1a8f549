"""What a person's answers make of a reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from agents.planner_reading import answer_goal, read_goal_by_words
from nightforge.catalogue import shipped_tasks
from nightforge.domain.plan import GoalReading
from nightforge.domain.task import Task
from nightforge.errors import UserError

NOW = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def tasks() -> Sequence[Task]:
    return shipped_tasks()


def read(goal: str, tasks: Sequence[Task]) -> GoalReading:
    return read_goal_by_words(goal, tasks, now=NOW, machine="x86_64")


def test_without_answers_the_defaults_hold_and_are_noted(tasks: Sequence[Task]) -> None:
    settled = answer_goal(read("axpy with 8 threads", tasks), {}, tasks)
    assert settled.task == "axpy"
    assert settled.questions == ()
    assert settled.parameters["threads"] == 1
    assert any(note.startswith("threads = 1: The goal says") for note in settled.notes)


def test_an_answer_as_typed_is_taken_as_the_value_on_offer(tasks: Sequence[Task]) -> None:
    settled = answer_goal(read("axpy of size 512", tasks), {"n": " 16777216 "}, tasks)
    assert settled.parameters["n"] == 16777216


def test_the_answer_none_ends_in_a_refusal(tasks: Sequence[Task]) -> None:
    for goal, name in (("masked softmax", "task"), ("softmax with an error below 1e-9", "tolerance")):
        settled = answer_goal(read(goal, tasks), {name: "none"}, tasks)
        assert settled.task is None
        assert settled.refusal


def test_another_task_is_checked_anew(tasks: Sequence[Task]) -> None:
    reading = read("softmax and then axpy, fused", tasks)
    other = next(choice for choice in reading.questions[0].choices if choice not in {reading.task, "none"})
    settled = answer_goal(reading, {"task": other}, tasks)
    assert settled.task == other
    assert settled.questions == ()


def test_another_task_may_ask_again(tasks: Sequence[Task]) -> None:
    reading = read("softmax or axpy with 8 threads", tasks)
    assert {question.name for question in reading.questions} == {"task", "threads"}
    other = next(choice for choice in reading.questions[0].choices if choice not in {reading.task, "none"})
    assert [question.name for question in answer_goal(reading, {"task": other}, tasks).questions] == ["threads"]


@pytest.mark.parametrize("answers", [{"threads": 8}, {"threads": "many"}, {"colour": "red"}])
def test_an_answer_that_is_not_on_offer_is_an_error(answers: dict[str, int | str], tasks: Sequence[Task]) -> None:
    with pytest.raises(UserError):
        answer_goal(read("softmax with 8 threads", tasks), answers, tasks)
