"""`--set NAME=VALUE`: over the goal's words, in the parameter's own type, or refused with what is on offer."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightforge.domain.plan import GoalReading
from nightforge.domain.task import BudgetDefaults, Objective, Parameter, StageSpec, Task
from nightforge.domain.words import Direction
from nightforge.errors import UserError
from workflows.contract import NightRequest
from workflows.parameters import read_parameters
from workflows.planning import make_plan

TASK = Task(
    name="widget",
    title="fast widget",
    goal="fast widget",
    domain="toy",
    language="toy",
    seed="seed.toy",
    stages=(StageSpec(name="s", title="S"),),
    objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
    parameters=(
        Parameter(name="size", title="size", default=4, choices=(2, 3, 4)),
        Parameter(name="share", title="share", default=0.5, minimum=0.0, maximum=1.0),
        Parameter(name="exact", title="exact", default=False),
    ),
    budget=BudgetDefaults(minutes=10),
    root=Path(),
)


def test_flags_win_over_the_goals_words() -> None:
    reading = GoalReading(goal="g", task="widget", parameters={"size": 3, "share": 0.1})
    plan = make_plan(NightRequest(goal="g", parameters=("size=2", "exact=true")), reading, TASK)
    assert plan.parameters == {"size": 2, "share": 0.1, "exact": True}
    assert read_parameters(TASK, ["share=0.25"]) == {"size": 4, "share": 0.25, "exact": False}


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("colour=red", "sets no parameter", "widget has: size, share, exact"),
        ("size", "sets no parameter", "size, share, exact"),
        ("size=7", "cannot be '7'", "on offer: 2, 3, 4"),
        ("size=two", "cannot be 'two'", "on offer"),
        ("share=1.5", "cannot be '1.5'", "from 0.0 to 1.0"),
        ("exact=perhaps", "cannot be 'perhaps'", ""),
    ],
)
def test_what_is_not_on_offer_is_named(text: str, said: str, hint: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        make_plan(NightRequest(goal="g", parameters=(text,)), GoalReading(goal="g", task="widget"), TASK)
    assert raised.value.where == "--set"
    assert hint in raised.value.hint
