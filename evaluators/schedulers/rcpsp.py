"""Project scheduling with limited resources (RCPSP), makespan: a priority rule for serial schedule generation.

An instance: activities with a duration and a demand of each renewable resource, finish-to-start precedence, constant
capacities. The sets are drawn in the manner of PSPLIB (Kolisch and Sprecher, 1997): network complexity, resource factor
and resource strength vary; the procedure is not theirs, so that no figure is comparable with PSPLIB's tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from evaluators.schedulers.answers import integer_rows, integers, read_integers
from evaluators.schedulers.problem import Cost, Feature, Instance, Split, Violated
from nightforge.domain.base import Json


@dataclass(frozen=True)
class _Kind:
    group: str
    activities: int
    count: int
    longest: int = 10
    parents: int = 3


_SETS: dict[Split, tuple[_Kind, ...]] = {
    Split.TRAIN: (_Kind("n30", 30, 15), _Kind("n60", 60, 15)),
    Split.VALIDATION: (_Kind("n30", 30, 15), _Kind("n60", 60, 45)),
    Split.HIDDEN: (
        _Kind("n30", 30, 15),
        _Kind("n60", 60, 21),
        _Kind("n120", 120, 12),
        _Kind("n60-long", 60, 12, longest=40, parents=2),
    ),
}
"""`n60-long` is the shifted distribution: durations to 40 and sparser precedence."""
_RESOURCES = 4
_STRENGTHS = (0.2, 0.35, 0.5)
_FACTORS = (0.5, 0.75, 1.0)
_LOOKBACK = 12
"""A predecessor is one of so many activities before."""


@dataclass(frozen=True)
class _Project:
    durations: list[int]
    successors: list[list[int]]
    demands: list[list[int]]
    capacities: list[int]

    @staticmethod
    def of(instance: Instance) -> _Project:
        return _Project(
            integers(instance.data["durations"]),
            integer_rows(instance.data["successors"]),
            integer_rows(instance.data["demands"]),
            integers(instance.data["capacities"]),
        )


class ProjectScheduling:
    name = "rcpsp"
    functions = ("priority",)
    features = (
        Feature("duration", "time", "of the activity"),
        Feature("successors", "activities", "that follow it at once"),
        Feature("all_successors", "activities", "that follow it at once or later"),
        Feature("tail", "time", "longest path from its end to the end of the project"),
        Feature("rank_weight", "time", "its duration and those of its immediate successors"),
        Feature("all_weight", "time", "its duration and those of all its successors"),
        Feature("earliest", "time", "when its predecessors, as scheduled, have ended"),
        Feature("start", "time", "earliest start at which resources suffice, too: where it would be placed"),
        Feature("latest", "time", "latest start that keeps the critical path's length, without resources"),
        Feature("slack", "time", "between earliest and latest start, without resources"),
        Feature("demand", "permille", "of the capacities, summed over the resources"),
        Feature("peak", "permille", "of the capacity it needs most of"),
        Feature("energy", "time", "duration times demand, as a share of the capacities"),
        Feature("next_demand", "permille", "demand of its immediate successors, summed"),
        Feature("end", "time", "of what is scheduled so far"),
        Feature("eligible", "activities", "that could be scheduled now"),
        Feature("left", "activities", "not yet scheduled, this one included"),
    )

    @property
    def driver(self) -> str:
        return (Path(__file__).parent / "drivers" / "rcpsp.py").read_text(encoding="utf-8")

    @property
    def engine(self) -> str:
        return "rcpsp"

    def encode(self, instance: Instance) -> Sequence[int]:
        project = instance.once(_Project.of)
        numbers = [len(project.durations), len(project.capacities), *project.capacities]
        for duration, demands, successors in zip(project.durations, project.demands, project.successors, strict=True):
            numbers += [duration, *demands, len(successors), *successors]
        return numbers

    def decode(self, instance: Instance, numbers: Sequence[int]) -> Json:
        return list(numbers)

    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        random = Random(f"{self.name} {split} {seed}")
        return [
            _drawn(random, kind, f"{kind.group}-{number}")
            for kind in _SETS.get(split, ())
            for number in range(kind.count)
        ]

    def bound(self, instance: Instance) -> int:
        """The critical path, and each resource's work spread over its capacity."""
        project = instance.once(_Project.of)
        best = max(_heads_with_ends(project))
        for resource, capacity in enumerate(project.capacities):
            work = sum(
                duration * demand[resource] for duration, demand in zip(project.durations, project.demands, strict=True)
            )
            best = max(best, -(-work // capacity))
        return best

    def related(self, instance: Instance) -> Mapping[str, tuple[Instance, Cost]]:
        """The same instance under other labels: same optimum; for a rule without labels nearly the same cost."""
        project = instance.once(_Project.of)
        order = _other_topological_order(project.successors)
        place = {activity: number for number, activity in enumerate(order)}
        data: dict[str, Json] = {
            "durations": [project.durations[activity] for activity in order],
            "successors": [
                list[Json](sorted(place[one] for one in project.successors[activity])) for activity in order
            ],
            "demands": [list[Json](reversed(project.demands[activity])) for activity in order],
            "capacities": list[Json](reversed(project.capacities)),
        }
        return {"numbers": (Instance(f"{instance.name}-numbers", instance.group, data), 1)}

    def verify(self, instance: Instance, answer: Json) -> int:
        """`answer[activity]` is its start time."""
        project = instance.once(_Project.of)
        starts = read_integers(answer, len(project.durations), 0, 10**9, "start times")
        ends = [start + duration for start, duration in zip(starts, project.durations, strict=True)]
        for activity, followers in enumerate(project.successors):
            for follower in followers:
                if starts[follower] < ends[activity]:
                    detail = (
                        f"activity {follower} starts at {starts[follower]}, before {activity} ends at {ends[activity]}"
                    )
                    raise Violated("precedence", detail)
        for resource, capacity in enumerate(project.capacities):
            self._check_capacity(project, starts, ends, resource, capacity)
        return max(ends)

    @staticmethod
    def _check_capacity(
        project: _Project, starts: Sequence[int], ends: Sequence[int], resource: int, capacity: int
    ) -> None:
        changes: list[tuple[int, int]] = []
        for activity, demand in enumerate(project.demands):
            changes.append((starts[activity], demand[resource]))
            changes.append((ends[activity], -demand[resource]))
        used = 0
        for time, change in sorted(changes):  # at one time what ends comes before what starts
            used += change
            if used > capacity:
                raise Violated("capacity", f"resource {resource}: {used} of {capacity} are used at time {time}")


def _heads_with_ends(project: _Project) -> list[int]:
    """Earliest ends without resources; activities are numbered in a topological order."""
    heads = [0] * len(project.durations)
    for activity, followers in enumerate(project.successors):
        for follower in followers:
            heads[follower] = max(heads[follower], heads[activity] + project.durations[activity])
    return [head + duration for head, duration in zip(heads, project.durations, strict=True)]


def _other_topological_order(successors: Sequence[Sequence[int]]) -> list[int]:
    """Of the activities that may come next always the one with the highest number."""
    missing = [0] * len(successors)
    for followers in successors:
        for follower in followers:
            missing[follower] += 1
    free = [activity for activity, count in enumerate(missing) if not count]
    order = []
    while free:
        activity = max(free)
        free.remove(activity)
        order.append(activity)
        for follower in successors[activity]:
            missing[follower] -= 1
            if not missing[follower]:
                free.append(follower)
    return order


def _drawn(random: Random, kind: _Kind, name: str) -> Instance:
    count = kind.activities
    durations = [random.randint(1, kind.longest) for _ in range(count)]
    successors: list[list[int]] = [[] for _ in range(count)]
    for activity in range(3, count):
        first = max(0, activity - _LOOKBACK)
        parents = min(random.randint(1, kind.parents), activity - first)
        for parent in random.sample(range(first, activity), parents):
            successors[parent].append(activity)
    factor, strength = random.choice(_FACTORS), random.choice(_STRENGTHS)
    demands = []
    for _ in range(count):
        row = [random.randint(1, 10) if random.random() < factor else 0 for _ in range(_RESOURCES)]
        if not any(row):
            row[random.randrange(_RESOURCES)] = random.randint(1, 10)
        demands.append(row)
    project = _Project(durations, successors, demands, [])
    capacities = [_capacity(project, resource, strength) for resource in range(_RESOURCES)]
    rows: dict[str, Json] = {
        "durations": list[Json](durations),
        "successors": [list[Json](sorted(row)) for row in successors],
        "demands": [list[Json](row) for row in demands],
        "capacities": list[Json](capacities),
    }
    return Instance(name, kind.group, rows)


def _capacity(project: _Project, resource: int, strength: float) -> int:
    """Between the largest single demand (strength 0) and the peak of the earliest-start schedule (strength 1)."""
    least = max(1, *(demand[resource] for demand in project.demands))
    ends = _heads_with_ends(project)
    peak = max(
        sum(
            demand[resource]
            for end, duration, demand in zip(ends, project.durations, project.demands, strict=True)
            if end - duration <= time < end
        )
        for time in {end - duration for end, duration in zip(ends, project.durations, strict=True)}
    )
    return least + round(strength * max(0, peak - least))
