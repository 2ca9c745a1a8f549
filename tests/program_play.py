"""Programs of the tasks with exact verifiers without a box: our own, run in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tasks
from evaluators.program.contract import Judged, Refused
from nightforge.catalogue import load_task
from nightforge.domain.base import Json, Scalar
from nightforge.domain.task import Task

PROGRAM_TASKS = ("circle-packing", "matmul-scheme", "cap-set")


def program_task(name: str) -> Task:
    return load_task(Path(next(iter(tasks.__path__))) / name)


def defaults_of(task: Task) -> dict[str, Scalar]:
    return {parameter.name: parameter.default for parameter in task.parameters}


def answer_with(source: str, function: str, parameters: Mapping[str, Scalar]) -> Json:
    """What the program answers, tuples as lists, as it would leave the box."""
    loaded: dict[str, Any] = {}
    exec(source, loaded)
    answer: Json = _plain(loaded[function](**{k: v for k, v in parameters.items() if not isinstance(v, str)}))
    return answer


def answer_of(task: str, program: str, parameters: Mapping[str, Scalar]) -> Json:
    """Of a program in a shipped task's folder."""
    loaded = program_task(task)
    function = loaded.settings["function"]
    assert isinstance(function, str)
    return answer_with(loaded.read(program), function, parameters)


def rows_of(task: str, program: str, parameters: Mapping[str, Scalar]) -> list[Any]:
    """The same for an answer that is a list, to be changed by the caller."""
    answer = answer_of(task, program, parameters)
    assert isinstance(answer, list)
    return answer


def verdict_of(judge: Callable[[], Judged]) -> str:
    """`valid`, or the words of the refusal; whatever else is raised is the verifier's fault."""
    try:
        judge()
    except Refused as refused:
        return str(refused)
    return "valid"


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
