"""Cheats of research on published evaluators, as programs: each goes through the whole evaluation in a real box.

Rejected ones must name why; those that are only futile must score exactly what the honest program scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest
from rule_play import answer_with, cost_with, offline_problem, scheduling_task

from evaluators.schedulers.answers import integers
from evaluators.schedulers.evaluator import SchedulerEvaluator
from evaluators.schedulers.problem import Split
from evaluators.schedulers.spec import REFERENCES_FILE, read_settings
from evaluators.schedulers.stages import METRIC
from nightforge.catalogue import load_task
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Alarm, Outcome, Phase
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

_FOLDER = Path(__file__).parent / "candidates"
_TASKS = {"js": "job-shop", "rc": "rcpsp", "hd": "het-dag", "tx": "txn-order"}
_RULE: Mapping[str, Scalar] = {"budget": "rule"}

_REJECTED: dict[str, set[str]] = {
    "js_patches_driver": {"infeasible"},
    "js_drops_a_job": {"infeasible"},
    "js_early_by_one": {"infeasible"},
    "js_raises_on_hard": {"crash"},
    "js_exits_on_hard": {"crash", "timeout"},
    "js_imports_solver": {"forbidden_import"},
    "js_imports_solver_quietly": {"crash"},
    "js_three_times_the_time": {"timeout"},
    "js_patches_clock": {"timeout"},
    "js_sleeps": {"timeout"},
    "js_computes_at_import": {"timeout"},
    "js_forks": {"crash"},
    "js_thread": {"crash"},
    "js_leaves_files": {"left_traces"},
    "js_writes_frames": {"malformed"},
    "hd_other_processor": {"infeasible"},
    "rc_all_at_once": {"infeasible"},
    "tx_reports_makespan": {"infeasible"},
    "tx_reports_object": {"infeasible"},
    "tx_three_only": {"infeasible"},
    "tx_twice": {"infeasible"},
    "tx_minus_one": {"infeasible"},
    "tx_fraction": {"infeasible"},
    "tx_true": {"infeasible"},
    "tx_nan": {"crash", "malformed"},
    "tx_infinite": {"crash", "malformed"},
    "tx_text": {"infeasible"},
    "tx_huge": {"infeasible", "malformed"},
    "tx_bytes": {"crash"},
    "tx_million": {"too_large"},
    "tx_deep": {"crash", "too_large"},
}
"""Program → reasons of which one must be recorded."""

_FUTILE: dict[str, str] = {
    "js_mutates_features": "baselines/spt_twkr.py",
    "js_strange_number": "constant",
    "js_keeps_memory": "baselines/spt_twkr.py",
    "js_walks_everything": "baselines/spt_twkr.py",
    "js_prints_results": "baselines/spt_twkr.py",
    "tx_shortens_instance": "baselines/given.py",
    "tx_subclass": "baselines/given.py",
    "tx_generator_state": "baselines/given.py",
}
"""Program → the honest one whose score it must have."""
_SLOW = {"js_walks_everything"}
"""Would be out of time before it has looked everywhere."""
_LAST = "number = [0]\n\n\ndef priority(f):\n    number[0] += 1\n    return number[0]\n"
"""Whoever is asked last starts: what comparisons that lie come to."""


@cache
def _evaluator() -> SchedulerEvaluator:
    return SchedulerEvaluator(open_sandbox())


async def _evaluate(source: str, task: Task, phase: Phase = Phase.SEARCH) -> Evidence:
    parameters = _RULE if task.parameters else {}
    return await _evaluator().evaluate(source, task, parameters, seed=1, phase=phase)


def _read(name: str) -> tuple[str, Task]:
    task = scheduling_task(_TASKS[name[:2]])
    # One draw: some of them take long for each instance.
    settings = {**task.settings, "validation_draws": 1}
    return (_FOLDER / f"{name}.py").read_text(encoding="utf-8"), task.model_copy(update={"settings": settings})


def test_every_program_is_listed() -> None:
    named = set(_REJECTED) | set(_FUTILE) | {"rc_gambles"}
    assert named == {path.stem for path in _FOLDER.glob("*.py")}


@pytest.mark.parametrize("name", sorted(_REJECTED))
async def test_a_cheat_is_rejected_with_its_reason(name: str) -> None:
    evidence = await _evaluate(*_read(name))
    assert evidence.failure is not None, evidence
    assert evidence.failure.outcome in {Outcome.FAIL, Outcome.TIMEOUT}
    assert evidence.failure.reason in _REJECTED[name]
    assert evidence.failure.feedback
    assert METRIC not in evidence.metrics


@pytest.mark.parametrize("name", sorted(_FUTILE))
async def test_a_futile_cheat_scores_as_the_honest_program(name: str) -> None:
    source, task = _read(name)
    if name in _SLOW:
        task = task.model_copy(update={"settings": {**task.settings, "cpu_ms": 10_000.0}})
    evidence = await _evaluate(source, task)
    honest = await _evaluate(_LAST if _FUTILE[name] == "constant" else task.read(_FUTILE[name]), task)
    assert evidence.failure is None, evidence.failure
    assert honest.failure is None
    assert evidence.metrics[METRIC].value == honest.metrics[METRIC].value


@pytest.mark.parametrize("name", sorted(_TASKS.values()))
async def test_honest_controls_are_accepted(name: str) -> None:
    task = scheduling_task(name)
    evidence = await _evaluate(task.read(task.seed), task)
    assert evidence.failure is None, evidence.failure
    assert evidence.metrics[METRIC].value <= 0.2


async def test_a_gambler_is_known_by_its_worst_decile() -> None:
    source, task = _read("rc_gambles")
    gambler = await _evaluate(source, task)
    steady = await _evaluate(task.read("baselines/lst_first_fit.py"), task)
    assert gambler.metrics["worst_decile"].value < steady.metrics["worst_decile"].value
    assert gambler.metrics[METRIC].value < steady.metrics[METRIC].value


def _known_by_heart(task: Task) -> dict[str, list[int]]:
    """Orders of a longer search for the training instances, by their first two transactions."""
    problem = offline_problem(task.name)
    learned: dict[str, list[int]] = {}
    for instance in problem.generate(Split.TRAIN, read_settings(task).train_seed):
        rows = instance.data["transactions"]
        assert isinstance(rows, list)
        learned[str(rows[:2])] = integers(answer_with(problem, task.read("baselines/insertion.py"), instance))
    return learned


async def test_what_knows_the_training_set_by_heart_gains_nothing_where_it_counts() -> None:
    """Cheat 11."""
    task = scheduling_task("txn-order")
    greedy = task.read("baselines/greedy.py")
    source = greedy.replace("def order(", "def honest_order(") + (
        f"\nKNOWN = {_known_by_heart(task)!r}\n\n\ndef order(instance):\n"
        '    found = KNOWN.get(str(instance["transactions"][:2]))\n'
        "    return found or honest_order(instance)\n"
    )
    cheat, honest = await _evaluate(source, task), await _evaluate(greedy, task)
    assert cheat.metrics["train_gap_closed"].value > honest.metrics["train_gap_closed"].value + 0.02
    assert cheat.metrics[METRIC].value == honest.metrics[METRIC].value


async def test_a_cost_below_a_proven_bound_is_an_alarm_and_no_score(tmp_path: Path) -> None:
    """Cheat 30: the bounds say that no answer is better than the best greedy one by more than 1."""
    task = scheduling_task("txn-order")
    problem, settings = offline_problem(task.name), read_settings(task)
    greedy = [task.read(rule.source) for rule in settings.baselines if rule.budget == "rule"]
    wrong = tmp_path / task.name
    copytree(task.root, wrong)
    rows = {}
    for split, seed in ((Split.TRAIN, settings.train_seed), (Split.VALIDATION, settings.validation_seed)):
        for instance in problem.generate(split, seed):
            least = str(int(min(cost_with(problem, source, instance) for source in greedy)) - 1)
            rows[instance.digest] = {"value": least, "bound": least}
    (wrong / REFERENCES_FILE).write_text(json.dumps(rows), encoding="utf-8")
    loaded = load_task(wrong)
    patient = loaded.model_copy(update={"settings": {**loaded.settings, "cpu_ms": 5000.0}})
    evidence = await _evaluate(task.read("baselines/insertion.py"), patient)
    assert evidence.failure is not None
    assert evidence.failure.reason == Alarm.BEYOND_BOUND
    assert "below the proven bound" in evidence.failure.feedback
    assert METRIC not in evidence.metrics
