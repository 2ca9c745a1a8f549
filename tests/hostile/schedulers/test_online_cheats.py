"""Cheats on online problems and on the box of rules, as programs: each goes through the whole evaluation in a real box.

Rejected ones must name why; those that are only futile must score exactly what the honest program scores.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from rule_play import scheduling_task

from evaluators.schedulers.evaluator import SchedulerEvaluator
from evaluators.schedulers.stages import METRIC
from nightforge.domain.base import Json
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome, Phase
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

_FOLDER = Path(__file__).parent / "online"
_TASKS = {"bp": "bin-packing", "sp": "spot-deadline"}
_AT_THE_TEXT = {
    "bp_answers_ahead",
    "bp_deep",
    "bp_fakes_record",
    "bp_folder_times",
    "bp_generator_state",
    "bp_imports_solver",
    "bp_kills_box",
    "bp_long",
    "bp_many_digits",
    "bp_outlives",
    "bp_reads_references",
    "bp_resets_timer",
    "bp_sleeps",
    "bp_symlinks",
    "bp_takes_back",
    "bp_takes_descriptors",
    "bp_traces_parent",
    "bp_writes_parent",
    "sp_claims_done",
    "sp_spot_without_spot",
}
"""Import what they may not: the first fence. All run once more with everything importable."""
_REJECTED: dict[str, set[str]] = {
    "bp_answers_ahead": {"malformed"},
    "bp_deep": {"crash", "too_large"},
    "bp_fakes_record": {"malformed"},
    "bp_floods": {"output_limit"},
    "bp_folder_times": {"left_traces"},
    "bp_imports_solver": {"crash"},
    "bp_kills_box": {"crash"},
    "bp_long": {"too_large"},
    "bp_many_digits": {"malformed"},
    "bp_memory": {"memory_limit"},
    "bp_outlives": {"timeout"},
    "bp_resets_timer": {"timeout"},
    "bp_sleeps": {"timeout"},
    "bp_symlinks": {"crash", "left_traces"},
    "bp_takes_back": {"infeasible"},
    "bp_takes_descriptors": {"crash"},
    "bp_traces_parent": {"crash"},
    "bp_writes_parent": {"crash"},
    "sp_spot_without_spot": {"infeasible"},
}
"""Program → reasons of which one must be recorded where every import is allowed."""
_FUTILE = {
    "bp_generator_state": "baselines/best_fit.py",
    "bp_looks_ahead": "baselines/best_fit.py",
    "bp_reads_references": "baselines/best_fit.py",
    "bp_side_by_side": "baselines/best_fit.py",
    "bp_table": "baselines/best_fit.py",
}
"""Program → the honest one whose score it must have."""
_POOR = {"sp_claims_done", "sp_never_works"}
"""Valid, because the guard meets the deadline, and not better for it."""


@cache
def _evaluator() -> SchedulerEvaluator:
    return SchedulerEvaluator(open_sandbox())


def _task(name: str, *, is_open: bool = False) -> Task:
    task = scheduling_task(_TASKS[name[:2]])
    every: list[Json] = ["math", "os", "sys", "struct", "signal", "time", "ctypes", "random", "ortools"]
    return task.model_copy(update={"settings": {**task.settings, "imports": every}}) if is_open else task


async def _evaluate(source: str, task: Task) -> Evidence:
    return await _evaluator().evaluate(source, task, {}, seed=1, phase=Phase.SEARCH)


def _read(name: str) -> str:
    return (_FOLDER / f"{name}.py").read_text(encoding="utf-8")


def test_every_program_is_listed() -> None:
    assert set(_REJECTED) | set(_FUTILE) | _POOR == {path.stem for path in _FOLDER.glob("*.py")}


@pytest.mark.parametrize("name", sorted(_AT_THE_TEXT))
async def test_what_imports_more_than_it_may_never_runs(name: str) -> None:
    evidence = await _evaluate(_read(name), _task(name))
    assert evidence.failure is not None
    assert (evidence.failure.stage, evidence.failure.reason) == ("rules", "forbidden_import")


@pytest.mark.parametrize("name", sorted(_REJECTED))
async def test_a_cheat_is_rejected_by_the_fences_behind(name: str) -> None:
    evidence = await _evaluate(_read(name), _task(name, is_open=True))
    assert evidence.failure is not None, evidence
    assert evidence.failure.stage == "train"
    assert evidence.failure.outcome in {Outcome.FAIL, Outcome.TIMEOUT}
    assert evidence.failure.reason in _REJECTED[name], evidence.failure
    assert evidence.failure.feedback
    assert METRIC not in evidence.metrics


@pytest.mark.parametrize("name", sorted(_FUTILE))
async def test_a_futile_cheat_scores_as_the_honest_program(name: str) -> None:
    task = _task(name, is_open=True)
    evidence = await _evaluate(_read(name), task)
    honest = await _evaluate(task.read(_FUTILE[name]), task)
    assert evidence.failure is None, evidence.failure
    assert honest.failure is None
    assert evidence.metrics[METRIC].value == honest.metrics[METRIC].value


@pytest.mark.parametrize("name", sorted(_POOR))
async def test_the_guard_saves_the_job_and_charges_for_it(name: str) -> None:
    evidence = await _evaluate(_read(name), _task(name, is_open=True))
    assert evidence.failure is None, evidence.failure
    assert evidence.metrics[METRIC].value < 0


@pytest.mark.parametrize("name", sorted(_TASKS.values()))
async def test_honest_controls_are_accepted(name: str) -> None:
    task = scheduling_task(name)
    evidence = await _evaluate(task.read(task.seed), task)
    assert evidence.failure is None, evidence.failure
    assert evidence.metrics[METRIC].value <= 0
