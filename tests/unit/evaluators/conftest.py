"""Shared pieces of the kernel tests: the shipped tasks, small variants of them, an evaluator in a real box."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import tasks
from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.catalogue import load_task
from nightforge.domain.task import Task
from sandbox.probe import open_sandbox


@pytest.fixture
def shipped() -> Callable[[str], Task]:
    return lambda name: load_task(Path(next(iter(tasks.__path__))) / name)


@pytest.fixture
def small() -> Callable[[Task, int], Task]:
    """The same task on a shorter vector with the C reference as its only opponent."""

    def shrink(task: Task, n: int) -> Task:
        baselines = task.settings["baselines"]
        assert isinstance(baselines, list)
        kept = [entry for entry in baselines if isinstance(entry, dict) and entry["name"] == "c-fast"]
        return task.model_copy(
            update={
                "settings": {**task.settings, "primary": {"n": n}, "baselines": kept},
                "parameters": tuple(parameter for parameter in task.parameters if parameter.name != "n"),
            }
        )

    return shrink


@pytest.fixture(scope="session")
def evaluator() -> KernelEvaluator:
    return KernelEvaluator(open_sandbox())
