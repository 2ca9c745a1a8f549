"""Schedules as bars: an answer that was verified, seen lane by lane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from evaluators.schedulers.problem import Instance
from nightforge.domain.base import Json
from nightforge.domain.explanation import Span

Charter = Callable[[Instance, Json], tuple[Span, ...]]


def _numbers(value: Json) -> list[int]:
    return [int(part) for part in value if isinstance(part, int)] if isinstance(value, list) else []


def _rows(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else ()


def job_shop(instance: Instance, answer: Json) -> tuple[Span, ...]:
    """Lanes are machines, labels jobs."""
    spans = []
    for number, (job, starts) in enumerate(zip(_rows(instance.data["jobs"]), _rows(answer), strict=True)):
        for operation, start in zip(_rows(job), _numbers(starts), strict=True):
            machine, duration = _numbers(operation)
            spans.append(Span(lane=machine, label=str(number), start=start, end=start + duration))
    return tuple(spans)


def unlike_processors(instance: Instance, answer: Json) -> tuple[Span, ...]:
    """Lanes are processors, labels tasks."""
    costs = [_numbers(row) for row in _rows(instance.data["costs"])]
    spans = []
    for task, placed in enumerate(_rows(answer)):
        processor, start = _numbers(placed)
        spans.append(Span(lane=processor, label=str(task), start=start, end=start + costs[task][processor]))
    return tuple(spans)


def project(instance: Instance, answer: Json) -> tuple[Span, ...]:
    """Activities share resources, so that a lane is only a row that is free: the lowest one."""
    durations = _numbers(instance.data["durations"])
    spans: list[Span] = []
    free: list[int] = []
    for start, activity in sorted((start, activity) for activity, start in enumerate(_numbers(answer))):
        if durations[activity] == 0:
            continue
        lane = next((number for number, until in enumerate(free) if until <= start), len(free))
        free[lane:] = [start + durations[activity], *free[lane + 1 :]]
        spans.append(Span(lane=lane, label=str(activity), start=start, end=start + durations[activity]))
    return tuple(spans)


CHARTS: Mapping[str, tuple[str, Charter]] = {
    "job-shop": ("machine", job_shop),
    "het-dag": ("processor", unlike_processors),
    "rcpsp": ("row", project),
}
"""Problem → what a lane is, and its bars."""
