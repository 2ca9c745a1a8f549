"""Hostile programs of the domain `program`: each goes through the whole evaluation in a real box.

Every one must end at the stage and with a reason that are named here; the honest ones beside them must pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

import tasks
from evaluators.program.evaluator import ProgramEvaluator
from nightforge.catalogue import load_task
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome, Phase
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

_FOLDER = Path(__file__).parent / "candidates"
_TASKS = {"cp": "circle-packing", "mm": "matmul-scheme", "cs": "cap-set"}
_PARAMETERS: Mapping[str, Mapping[str, Scalar]] = {
    "cp": {"circles": 26, "seconds": 1},
    "mm": {"size": 2, "seconds": 1, "dtype": "integers"},
    "cs": {"dimension": 4, "seconds": 1},
}
_RULES = {
    "cp_coroutine": "no_function",
    "cp_imports_a_solver": "forbidden_import",
    "cp_lambda": "no_function",
    "cp_no_function": "no_function",
    "cp_null_byte": "syntax_error",
    "cp_too_long": "too_long",
}
"""Refused by the text alone → reason."""
_RUN: Mapping[str, set[str]] = {
    "cp_a_set": {"crash"},
    "cp_computes_at_import": {"timeout"},
    "cp_deaf": {"timeout"},
    "cp_deep": {"crash", "too_large"},
    "cp_deep_text": {"too_large"},
    "cp_endless": {"timeout"},
    "cp_endless_integer": {"malformed"},
    "cp_exits": {"timeout", "crash"},
    "cp_floods": {"output_limit"},
    "cp_forges_a_frame": {"malformed"},
    "cp_forks": {"crash"},
    "cp_generator": {"crash"},
    "cp_huge_exponent": {"malformed"},
    "cp_imports_it_quietly": {"crash"},
    "cp_infinite": {"crash"},
    "cp_kills_its_parent": {"crash"},
    "cp_leaves_files": {"left_traces"},
    "cp_looks_for_the_answer": {"crash"},
    "cp_memory": {"memory_limit"},
    "cp_millions": {"too_large"},
    "cp_nan": {"crash"},
    "cp_nan_patched": {"malformed"},
    "cp_no_arguments": {"crash"},
    "cp_own_clock": {"timeout"},
    "cp_raises": {"crash"},
    "cp_same_name_twice": {"malformed"},
    "cp_sleeps": {"timeout"},
    "cp_tells_its_own_end": {"crash", "malformed"},
    "cp_thread": {"crash"},
}
"""No answer → reasons of which one must be recorded."""
_VERIFY = {
    "cp_all_in_one": "apart",
    "cp_answers_in_the_frames_name": "form",
    "cp_claims_a_score": "form",
    "cp_concentric": "apart",
    "cp_elsewhere": "inside",
    "cp_float_that_lies": "inside",
    "cp_four_numbers": "count",
    "cp_huge_integer": "inside",
    "cp_largest_double": "inside",
    "cp_list_that_lies": "count",
    "cp_minus_zero": "radius",
    "cp_named": "form",
    "cp_negative_radius": "radius",
    "cp_nothing_there": "form",
    "cp_number": "form",
    "cp_one_less": "count",
    "cp_one_more": "count",
    "cp_outside_by_an_ulp": "inside",
    "cp_over_the_far_wall": "inside",
    "cp_overlap_at_the_pocket": "inside",
    "cp_overlap_of_an_ulp": "apart",
    "cp_patched_json": "apart",
    "cp_text": "form",
    "cp_tolerance": "inside",
    "cp_truth": "form",
    "cp_two_numbers": "count",
    "cp_zero_radius": "radius",
    "cs_all_vectors": "line",
    "cs_empty": "count",
    "cs_floats": "form",
    "cs_line": "line",
    "cs_modulo": "modulo",
    "cs_negative": "modulo",
    "cs_short": "count",
    "cs_text": "form",
    "cs_too_many": "count",
    "cs_truths": "form",
    "cs_twice": "different",
    "mm_almost": "product",
    "mm_claims": "form",
    "mm_empty_term": "empty",
    "mm_floats": "form",
    "mm_halves": "form",
    "mm_huge": "product",
    "mm_modulo_two": "product",
    "mm_no_terms": "count",
    "mm_one_less": "product",
    "mm_one_sign": "product",
    "mm_other_size": "count",
    "mm_other_way_round": "product",
    "mm_ragged": "count",
    "mm_too_many": "count",
    "mm_transposed": "product",
    "mm_truths": "form",
    "mm_twice": "product",
}
"""An answer that is none → the condition that it breaks."""
_HONEST = {"cp_integers", "cp_smallest_double"}
_SLOW = {"cp_sleeps"}


@cache
def _evaluator() -> ProgramEvaluator:
    return ProgramEvaluator(open_sandbox())


def _task(name: str) -> Task:
    return load_task(Path(next(iter(tasks.__path__))) / _TASKS[name[:2]])


async def _evaluate(name: str, phase: Phase = Phase.SEARCH) -> Evidence:
    source = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
    return await _evaluator().evaluate(source, _task(name), _PARAMETERS[name[:2]], seed=1, phase=phase)


def _must_fail(evidence: Evidence, objective: str) -> tuple[str, str, str]:
    """Stage, reason, feedback."""
    failure = evidence.failure
    assert failure is not None, evidence
    assert failure.outcome in {Outcome.FAIL, Outcome.TIMEOUT}
    assert failure.feedback
    assert failure.feedback.isprintable() or "\n" in failure.feedback
    assert not set("\x1b\u202e") & set(failure.feedback)
    assert objective not in evidence.metrics
    return failure.stage, failure.reason, failure.feedback


def test_every_program_is_listed() -> None:
    named = {*_RULES, *_RUN, *_VERIFY, *_HONEST}
    assert named == {path.stem for path in _FOLDER.glob("*.py")}
    assert len(named) >= 90


@pytest.mark.parametrize("name", sorted(_RULES))
async def test_a_text_that_is_no_program_is_refused(name: str) -> None:
    stage, reason, _ = _must_fail(await _evaluate(name), _task(name).objective.metric)
    assert (stage, reason) == ("rules", _RULES[name])


@pytest.mark.parametrize("source", ["def pack(circles, seconds)\n    return []\n", "(" * 10_000, "def pack(:"])
async def test_what_does_not_parse_is_refused(source: str) -> None:
    evidence = await _evaluator().evaluate(source, _task("cp"), _PARAMETERS["cp"], seed=1, phase=Phase.SEARCH)
    assert _must_fail(evidence, "sum_of_radii")[:2] == ("rules", "syntax_error")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in _SLOW else name for name in sorted(_RUN)]
)
async def test_who_gives_no_answer_has_none(name: str) -> None:
    stage, reason, feedback = _must_fail(await _evaluate(name), _task(name).objective.metric)
    assert stage in {"run", "verify"}
    assert reason in _RUN[name], feedback


@pytest.mark.parametrize("name", sorted(_VERIFY))
async def test_an_answer_that_is_none_is_refused_with_the_condition(name: str) -> None:
    stage, reason, feedback = _must_fail(await _evaluate(name), _task(name).objective.metric)
    assert (stage, reason) == ("verify", "invalid")
    assert feedback.startswith(f"{_VERIFY[name]}: "), feedback


@pytest.mark.parametrize("name", sorted(_HONEST))
async def test_an_honest_program_of_the_same_form_passes(name: str) -> None:
    evidence = await _evaluate(name)
    assert evidence.failure is None, evidence.failure
    assert evidence.metrics[_task(name).objective.metric].value > 2.2


@pytest.mark.parametrize("prefix", sorted(_TASKS))
async def test_seed_and_baselines_pass(prefix: str) -> None:
    task = _task(prefix)
    calibration = await _evaluator().calibrate(task, _PARAMETERS[prefix], seed=1)
    assert calibration.reference in {baseline.name for baseline in calibration.baselines}
    evidence = await _evaluator().evaluate(
        task.read(task.seed), task, _PARAMETERS[prefix], seed=1, phase=Phase.CONFIRMATION
    )
    assert [stage.stage for stage in evidence.stages] == ["rules", "run", "verify", "repeat"]
    assert evidence.passed
    assert evidence.metrics["same_answers"].value == 2


async def test_a_program_that_draws_is_confirmed_with_its_worst_answer() -> None:
    task = _task("mm")
    lucky = task.read("baselines/strassen.py").replace("def scheme", "def honest") + (
        "\n\ndef scheme(size, seconds):\n"
        "    import random\n\n"
        "    if random.SystemRandom().random() < 0.5:\n"
        "        return honest(size, seconds)\n"
        "    unit = lambda a, b: [int(k == 2 * a + b) for k in range(4)]\n"
        "    return [[unit(i, k), unit(k, j), unit(i, j)] for i in (0, 1) for j in (0, 1) for k in (0, 1)]\n"
    ).replace("half = scheme(", "half = honest(")
    lucky = lucky.replace("half = scheme(", "half = honest(")
    patient = task.model_copy(update={"settings": {**task.settings, "repeats": 12}})
    evidence = await _evaluator().evaluate(lucky, patient, _PARAMETERS["mm"], seed=1, phase=Phase.CONFIRMATION)
    assert evidence.failure is None, evidence.failure
    assert evidence.metrics["multiplications"].value == 8
    assert evidence.metrics["same_answers"].value < 12
