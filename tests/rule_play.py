"""Rules on offline problems without a box: the shipped drivers, run in this process with programs of our own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import tasks
from evaluators.schedulers.problem import Instance, OfflineProblem
from evaluators.schedulers.spec import load_problem
from nightforge.catalogue import load_task
from nightforge.domain.base import Json
from nightforge.domain.task import Task

OFFLINE = ("job-shop", "rcpsp", "het-dag", "txn-order")


@cache
def offline_problem(name: str) -> OfflineProblem:
    problem = load_problem(name)
    assert isinstance(problem, OfflineProblem)
    return problem


def scheduling_task(name: str) -> Task:
    return load_task(Path(next(iter(tasks.__path__))) / name)


def answer_with(problem: OfflineProblem, source: str, instance: Instance) -> Json:
    """What the program answers, as it would leave the box."""
    loaded: dict[str, Any] = {}
    exec(source, loaded)
    functions: list[Callable[..., Any]] = [loaded[name] for name in problem.functions]
    answer: Json = _solver(problem)(functions, instance.data)
    return answer


def cost_with(problem: OfflineProblem, source: str, instance: Instance) -> float:
    return float(problem.verify(instance, answer_with(problem, source, instance)))


def _solver(problem: OfflineProblem) -> Callable[..., Any]:
    if not problem.driver:
        return lambda functions, data: functions[0](data)
    driver: dict[str, Any] = {}
    exec(problem.driver, driver)
    solve: Callable[..., Any] = driver["solve"]
    return solve
