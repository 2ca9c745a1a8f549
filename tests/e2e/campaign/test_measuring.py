"""Timing waits for the machine's slot, and what a stored data seed drew is drawn again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import tasks
from evaluators.kernels import bench
from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from sandbox import open_sandbox
from tools import slots

pytestmark = pytest.mark.box


@pytest.fixture
def task() -> Task:
    """The shipped softmax on a short vector, with the C reference as its only opponent."""
    shipped = load_task(Path(next(iter(tasks.__path__))) / "softmax-long")
    baselines = shipped.settings["baselines"]
    assert isinstance(baselines, list)
    kept = [entry for entry in baselines if isinstance(entry, dict) and entry["name"] == "c-fast"]
    return shipped.model_copy(
        update={
            "settings": {**shipped.settings, "primary": {"n": 1 << 16}, "baselines": kept},
            "parameters": tuple(parameter for parameter in shipped.parameters if parameter.name != "n"),
        }
    )


@pytest.fixture
def evaluator() -> KernelEvaluator:
    return KernelEvaluator(open_sandbox())


async def evaluate(evaluator: KernelEvaluator, task: Task, source: str, *, seed: int) -> Evidence:
    return await evaluator.evaluate(source, task, {}, seed=seed, phase=Phase.SEARCH)


async def test_a_second_campaigns_timing_waits_for_the_slot(
    evaluator: KernelEvaluator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process measures: this candidate is built, but not run until the other lets go."""
    opened = asyncio.Event()
    loop, open_bench = asyncio.get_running_loop(), bench.open_bench

    def noted(*arguments: Any) -> Any:
        loop.call_soon_threadsafe(opened.set)
        return open_bench(*arguments)

    monkeypatch.setattr("evaluators.kernels.evaluator.open_bench", noted)
    with slots.hold("cpu", timeout_s=200):
        waiting = asyncio.create_task(evaluate(evaluator, task, wrong(task), seed=1))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(opened.wait(), 3.0)
    evidence = await asyncio.wait_for(waiting, 200.0)
    assert opened.is_set()
    assert evidence.failure is not None
    assert evidence.failure.stage in {"smoke", "correctness"}


async def test_the_stored_seed_draws_the_same_data_again(evaluator: KernelEvaluator, task: Task) -> None:
    """How far a wrong answer is off is a function of the data: the same for one seed, another for another."""
    first = await evaluate(evaluator, task, wrong(task), seed=4242)
    (stored,) = {stage.seed for stage in first.stages}
    assert stored == 4242
    again = await evaluate(evaluator, task, wrong(task), seed=stored)
    other = await evaluate(evaluator, task, wrong(task), seed=4243)
    said = [evidence.stages[-1].feedback for evidence in (first, again, other)]
    assert said[0] == said[1]
    assert said[0] != said[2], "the data differ, and so does the error"


def wrong(task: Task) -> str:
    """The seed with a flaw that depends on the data: it ends at the first comparison, before anything is timed."""
    source = task.read(task.seed)
    flawed = source.replace("y[i] * scale", "y[i] * scale + x[i] * 1e-3f")
    assert flawed != source
    return flawed
