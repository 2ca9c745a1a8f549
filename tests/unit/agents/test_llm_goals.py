"""A model's reading of a goal is held to the same facts as the offline one: it can never make a wrong task silent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from protocol_server import ProtocolServer
from protocol_server.behaviours import answer
from protocol_server.workbench import Workbench, spec

from agents.llm_team import LlmTeam
from agents.planner import NO_READING, GoalReply, check_reply
from agents.planner_matching import fit_tasks
from agents.planner_reading import of_size, read_goal_by_words, read_goal_facts
from nightforge.catalogue import shipped_tasks
from nightforge.domain.plan import GoalReading
from nightforge.domain.task import Task
from nightforge.domain.words import Role

NOW = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def tasks() -> Sequence[Task]:
    return shipped_tasks()


def check(goal: str, tasks: Sequence[Task], **reply: Any) -> GoalReading:
    facts = read_goal_facts(goal, now=NOW, machine="x86_64")
    fits = of_size(fit_tasks(goal, facts.rest, tasks), facts)
    return check_reply(goal, facts, fits, GoalReply.model_validate(reply))


async def test_a_goal_is_read_over_http(
    bench: Workbench, protocol_server: ProtocolServer, tasks: Sequence[Task]
) -> None:
    said = {
        "task": "softmax-long",
        "parameters": [{"name": "n", "value": "16777216"}],
        "minutes": 10,
        "target": 1.5,
        "notes": ["The row is the one of the task.\u202e"],
    }
    protocol_server.script(answer(json.dumps(said)))
    team = LlmTeam(bench.client(spec(protocol_server.base_url)), planning_id=bench.campaign_id, clock=bench.clock)
    goal = "please get me a much quicker softmax of one huge row"
    reading = await team.planner.read_goal(goal, tasks)
    assert reading.task == "softmax-long"
    assert reading.parameters["n"] == 16777216
    assert reading.budget.wall_s == 600
    assert reading.target == 1.5
    assert "The row is the one of the task." in reading.notes
    prompt = protocol_server.requests[0].prompt
    assert goal in prompt
    assert all(f"name: {task.name}" in prompt for task in tasks)
    (call,) = bench.calls()
    assert (call.key.campaign_id, call.key.step, call.key.role) == (bench.campaign_id, "plan", Role.PLANNER)


async def test_an_empty_goal_costs_no_call(
    bench: Workbench, protocol_server: ProtocolServer, tasks: Sequence[Task]
) -> None:
    team = LlmTeam(bench.client(spec(protocol_server.base_url)), planning_id=bench.campaign_id)
    assert (await team.planner.read_goal(" \n", tasks)).task is None
    assert not protocol_server.requests


async def test_prose_instead_of_a_reading_leaves_the_goals_own_words(
    bench: Workbench, protocol_server: ProtocolServer, tasks: Sequence[Task]
) -> None:
    protocol_server.always(answer("That is softmax, go ahead."))
    team = LlmTeam(bench.client(spec(protocol_server.base_url)), planning_id=bench.campaign_id)
    reading = await team.planner.read_goal("fast softmax over one row of 16 million floats", tasks)
    assert reading.task == "softmax-long"
    assert any(note.startswith(NO_READING) for note in reading.notes), "and says so"
    assert (await team.planner.read_goal("bake a cake", tasks)).task is None


@pytest.mark.parametrize(
    "goal",
    [
        "double precision softmax",
        "softmax on an H100",
        "softmax over 4096x4096 rows",
        "axpy in Rust",
        "softmax, least energy",
    ],
)
def test_what_the_words_rule_out_no_model_can_allow(goal: str, tasks: Sequence[Task]) -> None:
    for task in tasks:
        reading = check(goal, tasks, task=task.name, parameters=[{"name": "dtype", "value": "float32"}])
        if "4096x4096" in goal and "rows" in {parameter.name for parameter in task.parameters}:
            # It has rows and columns: a person is asked about what it does not offer of them.
            asked = {question.name for question in reading.questions}
            assert asked & {"cols", "nnz"}
            assert ("task" in asked) == (task.name != "softmax-rows")
            continue
        assert reading.task is None
        assert reading.refusal


@pytest.mark.parametrize("goal", ["write me a poem", "a smaller ALU at 4 ns", "a histogram of 16 million floats"])
def test_a_task_that_the_words_do_not_say_is_asked_about(goal: str, tasks: Sequence[Task]) -> None:
    reading = check(goal, tasks, task="softmax-long")
    assert [question.name for question in reading.questions] == ["task"]
    assert "which its words do not say" in reading.questions[0].text


def test_another_task_than_the_words_say_is_asked_about(tasks: Sequence[Task]) -> None:
    reading = check("fast softmax over one row of 16 million floats", tasks, task="axpy")
    (question,) = reading.questions
    assert question.choices == ("axpy", "softmax-long", "none")


@pytest.mark.parametrize("named", ["softmax", "poem", "axpy; rm -rf"])
def test_a_task_that_is_not_shipped_is_refused(named: str, tasks: Sequence[Task]) -> None:
    reading = check("fast softmax", tasks, task=named)
    assert reading.task is None
    assert "no shipped task" in reading.refusal
    assert "softmax-long" in reading.refusal


def test_a_model_may_say_that_nothing_fits(tasks: Sequence[Task]) -> None:
    reading = check("fast softmax", tasks, task=None, refusal="It needs a GPU.\n\x1b[2J")
    assert reading.task is None
    assert reading.refusal.startswith("It needs a GPU. [2J No shipped task fits")


@pytest.mark.parametrize(("name", "value"), [("dtype", "float64"), ("processor", "gpu"), ("colour", "red")])
def test_a_parameter_that_is_not_on_offer_is_refused(name: str, value: str, tasks: Sequence[Task]) -> None:
    reading = check("fast softmax", tasks, task="softmax-long", parameters=[{"name": name, "value": value}])
    assert reading.task is None
    assert name in reading.refusal


def test_a_number_that_is_not_on_offer_is_asked_about(tasks: Sequence[Task]) -> None:
    reading = check("fast axpy", tasks, task="axpy", parameters=[{"name": "n", "value": 1000}])
    (question,) = reading.questions
    assert (question.name, question.default) == ("n", 16777216)


def test_questions_of_the_model_must_be_about_a_parameter(tasks: Sequence[Task]) -> None:
    questions = [
        {"name": "n", "text": "Is 16,777,216 meant?", "default": 16777216},
        {"name": "mood", "text": "How are you?", "default": "well"},
    ]
    reading = check("fast axpy", tasks, task="axpy", questions=questions)
    assert [question.name for question in reading.questions] == ["n"]
    assert "The model asks: How are you?" in reading.notes


def test_the_lower_of_two_caps_holds(tasks: Sequence[Task]) -> None:
    reading = check("fast softmax for 10 minutes under $2", tasks, task="softmax-long", minutes=600, cost_usd=0.5)
    assert (reading.budget.wall_s, reading.budget.cost_usd) == (600, 0.5)


def test_the_goals_own_gain_stands_above_the_models(tasks: Sequence[Task]) -> None:
    assert check("softmax 1.5x faster", tasks, task="softmax-long", target=9.0).target == 1.5


@pytest.mark.parametrize(
    "goal",
    ["fast softmax over one row of 16 million floats", "softmax with 8 threads", "masked softmax", "axpy in bf16"],
)
def test_a_model_that_agrees_changes_nothing_of_the_offline_reading(goal: str, tasks: Sequence[Task]) -> None:
    offline = read_goal_by_words(goal, tasks, now=NOW, machine="x86_64")
    task = offline.task or offline.matches[0].task
    reading = check(goal, tasks, task=task)
    assert (reading.task, reading.parameters, reading.questions) == (
        offline.task,
        offline.parameters,
        offline.questions,
    )
