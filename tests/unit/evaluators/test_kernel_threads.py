"""The track of several threads: OpenMP's team and no thread more, timed by the wall, apart from one thread's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from attack_pack.shapes import shrunk

from evaluators.kernels import spec
from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence, StageEvidence
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, Phase
from nightforge.errors import UserError
from tools.rewrites.parallel import parallelised

pytestmark = pytest.mark.box

_TWO = {"threads": 2}
_SEED = 91
_WHO = "extern int omp_get_thread_num(void);\n"


@pytest.fixture
def task() -> Task:
    return shrunk("softmax-rows")


async def _search(evaluator: KernelEvaluator, task: Task, source: str, **parameters: int) -> Evidence:
    return await evaluator.evaluate(source, task, dict(parameters), seed=_SEED, phase=Phase.SEARCH)


def _failure(evidence: Evidence) -> StageEvidence:
    assert evidence.failure is not None, evidence.metrics
    return evidence.failure


async def test_a_parallel_kernel_runs_on_the_declared_threads(
    evaluator: KernelEvaluator, task: Task, two_processors: None
) -> None:
    evidence = await _search(evaluator, task, parallelised(task.read("c_fast.c")), threads=2)
    assert evidence.passed, evidence.failure
    assert evidence.metrics["threads"].value == 2
    assert "by the wall on 2 threads" in evidence.stages[-1].feedback


async def test_each_thread_of_the_team_takes_part(evaluator: KernelEvaluator, task: Task, two_processors: None) -> None:
    """Rows that the second thread has are left out: the answer is wrong, so there is a second thread."""
    source = parallelised(task.read("c_fast.c")).replace("int nf_kernel(", f"{_WHO}int nf_kernel(")
    source = source.replace(
        "float largest = x[0], sum", "if (omp_get_thread_num() == 1) continue;\n        float largest = x[0], sum"
    )
    assert "continue" in source
    assert _failure(await _search(evaluator, task, source, threads=2)).reason == "wrong_output"


async def test_on_one_thread_the_same_directive_means_nothing(evaluator: KernelEvaluator, task: Task) -> None:
    evidence = await _search(evaluator, task, parallelised(task.read("c_fast.c")))
    assert evidence.passed, evidence.failure
    assert "threads" not in evidence.metrics
    assert "ms CPU" in evidence.stages[-1].feedback


async def test_the_opponents_have_as_many_threads_and_say_so(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task], task: Task, two_processors: None
) -> None:
    listed = shipped("softmax-rows").settings["baselines"]
    assert isinstance(listed, list)
    kept = [entry for entry in listed if isinstance(entry, dict) and entry["name"] in {"c-fast", "c-o3", "numpy"}]
    full = task.model_copy(update={"settings": {**task.settings, "baselines": kept}})
    calibration = await evaluator.calibrate(full, _TWO, seed=_SEED)
    found = {baseline.name: baseline for baseline in calibration.baselines}
    assert {name: one.environment["threads"] for name, one in found.items()} == dict.fromkeys(found, "2")
    assert "-fopenmp " in found["c-fast"].environment["flags"]
    assert "wall_ms" in calibration.roof
    assert "divided by 2" in calibration.room_reason
    alone = await evaluator.calibrate(task, {}, seed=_SEED)
    assert "threads" not in alone.baselines[0].environment
    assert "cpu_ms" in alone.roof


async def test_an_opponent_without_a_parallel_loop_is_named_as_such(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task]
) -> None:
    gemm = shipped("gemm-f32")
    toolchain = evaluator._toolchain
    blocked = next(one for one in spec.read_settings(gemm).baselines if one.name == "c-fast")
    assert (await toolchain.environment(gemm, blocked, 2))["threads"].startswith("1: ")


async def test_more_threads_than_processors_are_refused(
    evaluator: KernelEvaluator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec, "processors", lambda: (0, 1, 2))
    with pytest.raises(UserError, match="threads = 4, and this process may use 3"):
        await _search(evaluator, task, "", threads=4)


async def test_threads_that_are_not_on_offer_are_refused(evaluator: KernelEvaluator, task: Task) -> None:
    with pytest.raises(UserError, match="threads = 3 is not on offer"):
        await _search(evaluator, task, "", threads=3)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("choices = [1, 2, 4, 8, 16]", "choices = [0, 1]", "whole numbers"),
        ("default = 1\nchoices = [1, 2, 4, 8, 16]", "default = 2\nchoices = [1, 2]", "whole numbers"),
        ('symbol = "nf_kernel"', 'symbol = "nf_kernel"\nthreads = 2', "the plan that declares"),
    ],
)
def test_a_task_says_which_threads_it_offers(
    shipped: Callable[[str], Task], tmp_path: Path, old: str, new: str, words: str
) -> None:
    folder = tmp_path / "softmax-rows"
    shutil.copytree(shipped("softmax-rows").root, folder)
    text = (folder / "task.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "task.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=words):
        spec.read_settings(load_task(folder))


def test_the_export_builds_what_was_timed(evaluator: KernelEvaluator, task: Task) -> None:
    source = task.read("c_fast.c")
    script = evaluator.files(source, task, _TWO)["build.sh"].content
    assert "-fopenmp -fno-math-errno" in script
    assert "-shared -fopenmp" in script
    assert "OMP_NUM_THREADS=2" in script
    assert "-fopenmp " not in evaluator.files(source, task, {})["build.sh"].content


def test_wall_time_is_never_less_than_the_threads_need_for_their_cpu_time() -> None:
    from evaluators.kernels.session import Call

    call = Call(cpu_ns=10_000, wall_ns=4_000, faults=0, threads=2)
    assert call.time_ns(ClockKind.WALL_MS) == 5_000
    assert call.own_ns == 5_000
    assert Call(cpu_ns=10_000, wall_ns=7_000, faults=0, queued_ns=6_500, threads=2).time_ns(ClockKind.WALL_MS) == 7_000
