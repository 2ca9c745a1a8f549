"""Kernels through the integrity layer: proofs by the compiler, impostors, mutants, relations, in a real box."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.integrity.admission import admit
from evaluators.kernels.equivalence import prove_same
from evaluators.kernels.evaluator import KernelEvaluator
from evaluators.kernels.impostors import kernel_impostors
from evaluators.kernels.spec import KernelSettings, read_settings
from nightforge.catalogue import load_task
from nightforge.domain.task import Task
from nightforge.domain.words import Alarm, Phase
from nightforge.errors import EvaluatorFault
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box


@pytest.fixture
def settings(shipped: Callable[[str], Task]) -> KernelSettings:
    return read_settings(shipped("softmax-long"))


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("i = 0; i < n; i++) largest", "i = 1; i < n; i++) largest", True),
        ("start + BLOCK < n ?", "start + BLOCK <= n ?", True),
        ("for (int64_t i = 0; i < n; i++) largest", "for (int64_t i = 0; i != n; i++) largest", True),
        ("i = 0; i < n; i++) largest", "i = 2; i < n; i++) largest", False),
        ("i < n; i++) largest", "i < n - 1; i++) largest", False),
        ("i = 0; i < n; i++) y[i]", "i = 1; i < n; i++) y[i]", False),
        ("x[i] > largest ? x[i]", "x[i] >= largest ? x[i]", False),
        ("sum += part", "sum -= part", False),
    ],
)
async def test_the_compiler_proves_what_is_the_same_and_nothing_else(
    shipped: Callable[[str], Task], settings: KernelSettings, before: str, after: str, same: bool
) -> None:
    source = shipped("softmax-long").read("c_fast.c")
    assert source.count(before) == 1
    proof = await prove_same(open_sandbox(), settings, source, source.replace(before, after))
    assert ("same object code" in proof) is same


async def test_a_counter_that_the_body_changes_is_not_peeled(settings: KernelSettings) -> None:
    source = """typedef struct { const float *x; float *y; long n; } nf_args;
int nf_kernel(const nf_args *a) {
    for (int i = 0; i < a->n; i++) { a->y[i] = 1.0f; i = i + (int)a->x[i]; }
    return 0;
}
"""
    assert not await prove_same(open_sandbox(), settings, source, source.replace("i = 0", "i = 1"))


@pytest.mark.parametrize("name", ["softmax-long", "axpy"])
async def test_every_impostor_is_rejected_and_every_honest_program_admitted(
    evaluator: KernelEvaluator,
    shipped: Callable[[str], Task],
    small: Callable[[Task, int], Task],
    name: str,
) -> None:
    task = small(shipped(name), 1 << 18)
    honest = [program for program in evaluator.honest_programs(task) if not program.is_derived]
    async with evaluator.open_checker(task, {}, seed=5) as checker:
        checks = await admit(checker, honest, kernel_impostors(task))
    assert [(check.name, check.stage, check.outcome) for check in checks if not check.held] == []
    assert len(checks) == len(honest) + 11


async def test_a_known_build_is_not_run_again_and_equal_seeds_give_equal_answers(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task], small: Callable[[Task, int], Task]
) -> None:
    task = small(shipped("axpy"), 1 << 18)
    source = task.read("c_fast.c")
    async with evaluator.open_checker(task, {}, seed=5) as checker:
        first, second = await checker.check(source), await checker.check(source)
        known = await checker.check(source, known={first.build})
        elsewhere = await checker.recheck(source, seed=6)
    assert first.accepted
    assert (first.answers, first.build) == (second.answers, second.build)
    assert (known.accepted, known.built, known.build) == (False, True, first.build)
    assert elsewhere.accepted
    assert elsewhere.answers != first.answers


@pytest.fixture
def copied(shipped: Callable[[str], Task], tmp_path: Path) -> Path:
    folder = tmp_path / "axpy"
    shutil.copytree(shipped("axpy").root, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


async def test_what_candidate_and_oracle_have_in_common_breaks_a_relation(
    evaluator: KernelEvaluator, small: Callable[[Task, int], Task], copied: Path
) -> None:
    with (copied / "oracle.py").open("a", encoding="utf-8") as oracle:
        oracle.write("    out['y'][0] *= np.float32(1.25)\n")
    task = small(load_task(copied), 1 << 18)
    honest = task.read("c_fast.c")
    assert honest.count("    return 0;") == 1
    learnt = honest.replace("    return 0;", "    y[0] *= 1.25f;\n    return 0;")
    evidence = await evaluator.evaluate(learnt, task, {}, seed=1, phase=Phase.CONFIRMATION)
    failure = evidence.failure
    assert failure is not None
    assert (failure.stage, failure.reason) == ("confirm", "breaks_relation"), failure.feedback
    assert evidence.alarm is Alarm.BREAKS_RELATION
    assert "rotating both vectors rotates the result" in failure.feedback


async def test_a_relation_that_the_reference_breaks_is_our_fault(
    evaluator: KernelEvaluator, small: Callable[[Task, int], Task], copied: Path
) -> None:
    text = (copied / "relations.py").read_text(encoding="utf-8")
    true = 'return {"y": _changed(name, outputs["y"])}'
    assert text.count(true) == 1
    (copied / "relations.py").write_text(text.replace(true, 'return {"y": outputs["y"]}'), encoding="utf-8")
    task = small(load_task(copied), 1 << 18)
    with pytest.raises(EvaluatorFault, match="the reference breaks the relation 'rotate'"):
        await evaluator.evaluate(task.read("c_fast.c"), task, {}, seed=1, phase=Phase.CONFIRMATION)
