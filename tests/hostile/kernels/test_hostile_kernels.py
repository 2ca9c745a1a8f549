"""Programs that try to look fast or right without being so. Each goes through the whole cascade in a real box,
once as shipped and once without the static gate, so that the inner fences are seen to hold alone."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest
from attack_pack.gains import gains

from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome, Phase
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

_FOLDER = Path(__file__).parent / "softmax"
_N = 1 << 20

_AT_GATE = {
    "10_thread_deferral",
    "11_clock_patch",
    "12_constructor_exit",
    "13_checker_patch",
    "14_early_reply",
    "20_second_thread",
    "21_flush_to_zero",
    "23_fork",
    "24_memory_file_reopen",
    "25_unprotect",
    "26_exec",
    "28_flood",
}
_LATER = {
    "01_zeros": "wrong_output",
    "02_constant": "wrong_output",
    "03_stale": "wrong_output",
    "04_pointer_cache": "wrong_output",
    "05_fingerprint_cache": "wrong_output",
    "06_input_tamper": "crash",
    "07_no_maximum": "wrong_output",
    "08_first_part": "wrong_output",
    "09_multiple_of_16": "wrong_output",
    "15_bfloat16": "wrong_output",
    "16_write_past_end": "out_of_bounds",
    "17_write_before_start": "out_of_bounds",
    "18_first_calls_only": "wrong_output",
    "19_uniform_if_narrow": "wrong_output",
    "22_endless": "timeout",
    "27_memory_bomb": "memory_limit",
    "44_saturating_exp": "wrong_output",
}
_RACES = {"12_constructor_exit": {"exited", "wrong_output"}, "27_memory_bomb": {"memory_limit", "timeout"}}
"""Two fences hold, and either may be the first to see it."""
_WITHOUT_GATE = {
    **_LATER,
    "10_thread_deferral": "forbidden_syscall",
    "12_constructor_exit": "exited",
    "13_checker_patch": "wrong_output",
    "14_early_reply": "wrong_output",
    "20_second_thread": "forbidden_syscall",
    "23_fork": "forbidden_syscall",
    "24_memory_file_reopen": "forbidden_syscall",
    "25_unprotect": "crash",
    "26_exec": "forbidden_syscall",
    "28_flood": "output_limit",
}
_HARMLESS = {"11_clock_patch", "21_flush_to_zero"}
"""Accepted without the gate: they do the whole work, and what they changed is in nobody's way."""
_LONG_ROWS = {
    "29_sampled_maximum",
    "30_sampled_sum",
    "33_coarse_exp",
    "34_half_precision",
    "35_drops_small_terms",
    "36_known_lengths",
}
"""Honest on the short rows of a search; confirmation, at the latest, sees what they do to long or unknown ones."""
_GUESSES = {"31_guess_and_check", "32_remembered_sum"}
"""Never wrong beyond the tolerance, because they check themselves: then the tolerance must leave nothing to gain."""
_BEHIND_THE_GATE = {
    "37_hidden_instruction": {"wrong_output"},
    "38_hidden_thread": {"forbidden_syscall"},
    "40_sleeper": {"timeout"},
    "42_memory_at_rest": {"memory_limit"},
}
"""The gate lets them pass, most because no disassembler shows their system calls; the fences behind it do not."""
_IDLE_THREATS = {"39_takes_shared_pages", "41_many_mappings"}
"""Trouble for others that does not reach them."""
_UNWATCHED = {"43_turn_taker"}
"""Honest wherever it is checked, but for the timed rounds of processes that are made for these."""
_NEW = {*_LONG_ROWS, *_GUESSES, *_BEHIND_THE_GATE, *_IDLE_THREATS, *_UNWATCHED}
_SLOW = dict.fromkeys(("32_remembered_sum", "41_many_mappings"), pytest.mark.slow)
needs_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 instructions")


@pytest.fixture(scope="session")
def ungated() -> KernelEvaluator:
    return KernelEvaluator(open_sandbox(), static_gate=False)


@pytest.fixture
def task(shipped: Callable[[str], Task], small: Callable[[Task, int], Task]) -> Task:
    return small(shipped("softmax-long"), _N)


async def _evaluate(evaluator: KernelEvaluator, task: Task, name: str, *, phase: Phase = Phase.SEARCH) -> Evidence:
    return await evaluator.evaluate(_source(name), task, {}, seed=20261120, phase=phase)


def _source(name: str) -> str:
    return (_FOLDER / f"{name}.c").read_text(encoding="utf-8")


def test_every_program_of_the_pack_has_its_expectation() -> None:
    names = {path.stem for path in _FOLDER.glob("*.c")}
    assert names == {"00_honest"} | _AT_GATE | set(_LATER) | _NEW
    assert names == {"00_honest"} | set(_WITHOUT_GATE) | _HARMLESS | _NEW


@pytest.mark.parametrize("gated", [True, False])
async def test_the_honest_control_passes(
    evaluator: KernelEvaluator, ungated: KernelEvaluator, task: Task, gated: bool
) -> None:
    evidence = await _evaluate(evaluator if gated else ungated, task, "00_honest")
    assert evidence.passed, evidence.failure
    assert evidence.metrics["speedup"].value == pytest.approx(1.0, rel=0.5)


@pytest.mark.parametrize("name", sorted(_AT_GATE))
async def test_the_static_gate_stops_it(evaluator: KernelEvaluator, task: Task, name: str) -> None:
    failure = (await _evaluate(evaluator, task, name)).failure
    assert failure is not None
    assert (failure.stage, failure.reason) == ("gate", "static_gate")


@pytest.mark.parametrize("name", sorted(_LATER))
async def test_a_check_behind_the_gate_stops_it(evaluator: KernelEvaluator, task: Task, name: str) -> None:
    failure = (await _evaluate(evaluator, task, name)).failure
    assert failure is not None
    assert failure.reason in _RACES.get(name, {_LATER[name]}), failure.feedback
    assert failure.outcome is (Outcome.TIMEOUT if failure.reason == "timeout" else Outcome.FAIL)
    assert failure.stage in {"smoke", "correctness"}


@pytest.mark.parametrize("name", sorted(set(_WITHOUT_GATE) - set(_LATER)))
async def test_the_inner_fences_hold_without_the_gate(ungated: KernelEvaluator, task: Task, name: str) -> None:
    failure = (await _evaluate(ungated, task, name)).failure
    assert failure is not None
    assert failure.reason in _RACES.get(name, {_WITHOUT_GATE[name]}), failure.feedback


@pytest.mark.parametrize("name", sorted(_HARMLESS))
async def test_what_passes_without_the_gate_gains_nothing(ungated: KernelEvaluator, task: Task, name: str) -> None:
    evidence = await _evaluate(ungated, task, name)
    assert evidence.passed, evidence.failure
    assert not await gains(ungated, task, _source(name), evidence), evidence.metrics


@pytest.mark.parametrize("name", sorted(_LONG_ROWS))
async def test_a_shortcut_on_long_rows_is_not_confirmed(evaluator: KernelEvaluator, task: Task, name: str) -> None:
    failure = (await _evaluate(evaluator, task, name, phase=Phase.CONFIRMATION)).failure
    assert failure is not None
    assert (failure.stage, failure.reason) == ("confirm", "wrong_output"), failure.feedback


@pytest.mark.parametrize("name", ["30_sampled_sum", "33_coarse_exp", "34_half_precision", "35_drops_small_terms"])
async def test_the_real_row_shows_it_in_the_search_already(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task], small: Callable[[Task, int], Task], name: str
) -> None:
    """At 16 million terms a sample estimates a sum best, and the tolerance is widest."""
    failure = (await _evaluate(evaluator, small(shipped("softmax-long"), 1 << 24), name)).failure
    assert failure is not None
    assert (failure.stage, failure.reason) == ("quick", "wrong_output"), failure.feedback


@pytest.mark.parametrize("name", [pytest.param(name, marks=_SLOW.get(name, ())) for name in sorted(_GUESSES)])
async def test_guessing_the_sum_does_not_pay(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task], small: Callable[[Task, int], Task], name: str
) -> None:
    long = small(shipped("softmax-long"), 1 << 24)
    evidence = await _evaluate(evaluator, long, name)
    assert not await gains(evaluator, long, _source(name), evidence), evidence.metrics


@needs_x86
@pytest.mark.parametrize("name", sorted(_BEHIND_THE_GATE))
async def test_what_the_gate_cannot_see_is_the_candidates_failure_and_never_ours(
    evaluator: KernelEvaluator, task: Task, name: str
) -> None:
    evidence = await _evaluate(evaluator, task, name)
    failure = evidence.failure
    assert failure is not None
    assert failure.stage in {"smoke", "correctness"}
    assert failure.reason in _BEHIND_THE_GATE[name], failure.feedback
    assert sum(stage.duration_s for stage in evidence.stages) < 20


@needs_x86
@pytest.mark.parametrize("name", [pytest.param(name, marks=_SLOW.get(name, ())) for name in sorted(_IDLE_THREATS)])
async def test_trouble_made_for_others_does_not_reach_them(evaluator: KernelEvaluator, task: Task, name: str) -> None:
    evidence = await _evaluate(evaluator, task, name)
    assert evidence.passed, evidence.failure
    assert not await gains(evaluator, task, _source(name), evidence), evidence.metrics
    assert evidence.metrics["control_ratio"].value == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("name", sorted(_UNWATCHED))
async def test_no_process_can_tell_that_it_is_timed_and_not_checked(
    evaluator: KernelEvaluator, task: Task, name: str
) -> None:
    failure = (await _evaluate(evaluator, task, name)).failure
    assert failure is not None
    assert (failure.stage, failure.reason) == ("full", "wrong_output"), failure.feedback


async def test_a_sample_of_the_data_is_not_the_data(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task], small: Callable[[Task, int], Task]
) -> None:
    """Constant but for one element: met in checks and in timed rounds, whoever looks at 64 elements."""
    source = (_FOLDER.parent / "axpy" / "01_sampled_constant.c").read_text(encoding="utf-8")
    axpy = small(shipped("axpy"), _N)
    failure = (await evaluator.evaluate(source, axpy, {}, seed=20261120, phase=Phase.CONFIRMATION)).failure
    assert failure is not None
    assert failure.reason == "wrong_output", failure.feedback
    assert "constant data" in failure.feedback


@pytest.mark.parametrize(("head", "reason"), [("", "bad_status"), ("#define BY_MISSING\n", "wrong_output")])
async def test_a_failure_does_not_carry_a_hidden_shape_out(
    evaluator: KernelEvaluator,
    shipped: Callable[[str], Task],
    small: Callable[[Task, int], Task],
    head: str,
    reason: str,
) -> None:
    source = head + (_FOLDER.parent / "axpy" / "02_tells_its_shape.c").read_text(encoding="utf-8")
    axpy = small(shipped("axpy"), _N)
    failure = (await evaluator.evaluate(source, axpy, {}, seed=20261120, phase=Phase.CONFIRMATION)).failure
    assert failure is not None
    assert (failure.stage, failure.reason) == ("confirm", reason), failure.feedback
    assert not any(char.isdigit() for char in failure.feedback), failure.feedback
