"""Task folders as `task init` writes them: readable, whole, and read back as they were meant."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_trees import SUMS, TIMED, MakeTask

from evaluators.own.new_task import NewTask, deleted, document, slug
from evaluators.own.spec import OwnSettings, read_seed, read_settings
from nightforge.domain.bundle import Bundle
from nightforge.domain.task import Constraint, Task
from nightforge.errors import UserError

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(command=WORDS, goal=WORDS, value=WORDS, tolerance=st.floats(0, 0.5), bound=st.floats(-1e9, 1e9))
def test_every_setting_comes_back_from_the_document(
    tmp_path: Path, command: str, goal: str, value: str, tolerance: float, bound: float
) -> None:
    measure = {"kind": "time", "command": command, "metric": "cpu_s", "unit": "s", "tolerance": tolerance}
    given_settings = OwnSettings.model_validate(
        {"tree": "..", "evolve": ("a b.c",), "measure": measure, "environment": {"NAME": value}, "check": value}
    )
    made = NewTask(
        tree=tmp_path,
        folder=tmp_path / "n",
        name="own-x",
        goal=goal,
        settings=given_settings,
        constraints=(Constraint(metric="m", relation="<=", bound=bound),),
    )
    found = Task.model_validate({**tomllib.loads(document(made)), "root": tmp_path})
    assert found.goal == goal
    assert OwnSettings.model_validate(found.settings) == given_settings
    assert found.constraints == made.constraints


def test_a_folder_has_seed_brief_and_a_program_that_must_not_pass(make_task: MakeTask) -> None:
    task = make_task(SUMS, measure=TIMED, check="python3 tests.py")
    assert dict(read_seed(task).files) == {"lib.py": SUMS["lib.py"]}
    assert "python3 bench.py {seed}" in task.read(task.brief)
    assert [known.expect for known in task.rehearsal] == ["reject"]
    assert [stage.name for stage in task.stages] == ["text", "build", "check", "measure", "hidden"]
    assert read_settings(task).check == "python3 tests.py"


def test_the_program_deleted_keeps_what_may_not_change() -> None:
    marked = "a = 1\n# EVOLVE-BLOCK-START\nb = 1\n# EVOLVE-BLOCK-END\nc = 1\n"
    found = deleted(Bundle({"m.py": marked, "n.py": "d = 1\n"}))
    assert dict(found.files) == {"m.py": marked.replace("b = 1\n", ""), "n.py": ""}


@pytest.mark.parametrize(("name", "expected"), [("Fast Code", "own-fast-code"), ("__", "own-code"), ("é1", "own-1")])
def test_a_task_is_named_after_its_folder(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"measure": {**TIMED, "command": " "}}, "command is empty"),
        ({"measure": {**TIMED, "kind": "judge"}}, "needs the command"),
        ({"measure": {**TIMED, "judge": "x"}}, "goes with kind judge"),
        ({"measure": {**TIMED, "proxy": True}}, "goes with kind report"),
        ({"measure": {**TIMED, "kind": "report", "read": "pattern", "pattern": "x"}}, "group"),
        ({"measure": {**TIMED, "ignore": ["("]}}, "regular expression"),
        ({"evolve": ("../a",)}, "no plain path"),
        ({"evolve": ("a", "a")}, "twice"),
        ({"evolve": ("a.c",), "measure": {**TIMED, "kind": "report", "proxy": True}}, "Python modules"),
        ({"environment": {"A B": "1"}}, "name of a variable"),
        ({"seeds": 1}, "seeds"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_bad_settings_are_named(make_task: MakeTask, bad: dict[str, object], said: str) -> None:
    task = make_task(SUMS, measure=TIMED)
    broken = task.model_copy(update={"settings": {**task.settings, **bad}})
    with pytest.raises(UserError, match=said) as raised:
        read_settings(broken)
    assert "own-code.md" in raised.value.hint
