"""Job shop, makespan: a dispatching rule, which may keep a machine free for what comes soon.

An instance: jobs, each a fixed order of operations on machines (Taillard's form, 1993: every job visits every
machine once, durations uniform in 1..99).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from random import Random

from evaluators.schedulers.answers import integer_rows, read_integers
from evaluators.schedulers.problem import Cost, Feature, Instance, Split, Violated
from evaluators.schedulers.taillard import public_instances
from nightforge.domain.base import Json

_Set = tuple[str, int, int, int]
_SETS: dict[Split, tuple[_Set, ...]] = {
    Split.TRAIN: (
        ("", 10, 10, 12),
        ("", 12, 8, 4),
        ("", 20, 5, 4),
        ("", 20, 10, 8),
        ("stages", 12, 8, 6),
        ("long", 12, 8, 6),
        ("", 15, 5, 8),
    ),
    Split.VALIDATION: (
        ("", 10, 10, 12),
        ("", 12, 8, 4),
        ("", 20, 5, 4),
        ("", 10, 10, 20),
        ("", 12, 8, 12),
        ("", 15, 10, 8),
        ("", 20, 10, 18),
        ("stages", 12, 8, 9),
        ("long", 12, 8, 9),
        ("", 15, 5, 12),
        ("", 20, 5, 12),
    ),
    Split.HIDDEN: (
        ("", 10, 10, 10),
        ("", 20, 5, 8),
        ("", 15, 10, 8),
        ("", 30, 10, 6),
        ("", 15, 15, 6),
        ("two-stage", 20, 10, 6),
    ),
}
"""Kind, jobs, machines, instances. In `stages` all jobs visit the lower half of the machines first (in the manner of
Storer, Wu and Vaccari, 1992); in `long` a tenth of the operations takes five times as long; `two-stage`, the shifted
distribution, is both. Rules that are selected on few sizes and one kind are good on these alone: varied sets are what
carries a gain over to instances that were not seen. Shops with far more jobs than machines have small gaps, so that a
percent of their makespan counts three times as much: there must be enough of them."""
_LONGEST = 99
_STAGED, _UNEQUAL = {"stages", "two-stage"}, {"long", "two-stage"}


class JobShop:
    name = "job-shop"
    functions = ("priority",)
    features = (
        Feature("duration", "time", "of the waiting operation"),
        Feature("remaining", "time", "work left of its job, this operation included"),
        Feature("remaining_ops", "operations", "left of its job, this one included"),
        Feature("done", "time", "work done of its job"),
        Feature("waited", "time", "since the operation could have started"),
        Feature("wait", "time", "until the operation can start; 0 for all that wait already"),
        Feature("next_duration", "time", "of the job's operation after this one; 0 for the last"),
        Feature("next_queue", "time", "work that waits or will soon wait at the machine after this one"),
        Feature("next_count", "operations", "that wait or will soon wait at the machine after this one"),
        Feature("next_left", "time", "all work left for the machine after this one"),
        Feature("bottleneck", "time", "most work left for any machine that its job must still visit"),
        Feature(
            "loaded",
            "time",
            "work left of its job after this operation, each part weighed by its machine's share of the largest load",
        ),
        Feature("held", "time", "work left of all jobs that would have to wait for this operation"),
        Feature("slack", "time", "between the work left of its job and a lower bound of all that is left to do"),
        Feature("machine_left", "time", "all work left for this machine"),
        Feature("queue", "operations", "that may be chosen now"),
        Feature("now", "time", "since the start"),
    )

    @property
    def driver(self) -> str:
        return (Path(__file__).parent / "drivers" / "jobshop.py").read_text(encoding="utf-8")

    @property
    def engine(self) -> str:
        return "jobshop"

    def encode(self, instance: Instance) -> Sequence[int]:
        jobs, machines = instance.once(_read)
        numbers = [len(jobs), machines]
        for job in jobs:
            numbers.append(len(job))
            for operation in job:
                numbers.extend(operation)
        return numbers

    def decode(self, instance: Instance, numbers: Sequence[int]) -> Json:
        jobs, _ = instance.once(_read)
        starts = iter(numbers)
        return [list(islice(starts, len(job))) for job in jobs]

    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        random = Random(f"{self.name} {split} {seed}")
        if split is Split.PUBLIC:
            return public_instances()
        instances = []
        drawn: Counter[str] = Counter()
        for kind, jobs, machines, count in _SETS.get(split, ()):
            group = f"{jobs}x{machines}{'-' if kind else ''}{kind}"
            for _ in range(count):
                instances.append(_drawn(random, kind, group, drawn[group], jobs, machines))
                drawn[group] += 1
        return instances

    def bound(self, instance: Instance) -> int:
        """The longest job, and each machine's load between its earliest start and its shortest tail."""
        jobs, machines = instance.once(_read)
        best = max(sum(duration for _, duration in job) for job in jobs)
        for machine in range(machines):
            load, heads, tails = 0, [], []
            for job in jobs:
                before = 0
                for place, duration in job:
                    if place == machine:
                        load += duration
                        heads.append(before)
                        tails.append(sum(length for _, length in job) - before - duration)
                    before += duration
            if heads:
                best = max(best, min(heads) + load + min(tails))
        return best

    def related(self, instance: Instance) -> Mapping[str, tuple[Instance, Cost]]:
        """The same instance under other labels: same optimum; for a rule without labels nearly the same cost."""
        jobs, machines = instance.once(_read)
        turned: list[Json] = [[[machines - 1 - machine, duration] for machine, duration in job] for job in jobs]
        shuffled: list[Json] = [[list[Json](operation) for operation in job] for job in reversed(jobs)]
        return {
            name: (Instance(f"{instance.name}-{name}", instance.group, {"machines": machines, "jobs": rows}), 1)
            for name, rows in (("machines", turned), ("jobs", shuffled))
        }

    def verify(self, instance: Instance, answer: Json) -> int:
        """`answer[job][operation]` are start times."""
        jobs, machines = instance.once(_read)
        if not isinstance(answer, list) or len(answer) != len(jobs):
            raise Violated("form", f"expected {len(jobs)} lists of start times, one per job")
        busy: list[list[tuple[int, int, int]]] = [[] for _ in range(machines)]
        end = 0
        for number, (job, row) in enumerate(zip(jobs, answer, strict=True)):
            starts = read_integers(row, len(job), 0, 10**9, f"job {number}")
            free = 0
            for at, ((machine, duration), start) in enumerate(zip(job, starts, strict=True)):
                if start < free:
                    raise Violated("precedence", f"job {number}: operation {at} starts at {start}, before {free}")
                free = start + duration
                busy[machine].append((start, free, number))
            end = max(end, free)
        for machine, spans in enumerate(busy):
            spans.sort()
            for (_, ends, one), (starts_at, _, other) in pairwise(spans):
                if starts_at < ends:
                    raise Violated("machine", f"machine {machine}: jobs {one} and {other} overlap at {starts_at}")
        return end


def _drawn(random: Random, kind: str, group: str, number: int, jobs: int, machines: int) -> Instance:
    rows: list[Json] = []
    half = machines // 2 if kind in _STAGED else 0
    for _ in range(jobs):
        first, second = list(range(half)), list(range(half, machines))
        random.shuffle(first)
        random.shuffle(second)
        rows.append([[machine, _duration(random, kind)] for machine in first + second])
    return Instance(f"{group}-{number}", group, {"machines": machines, "jobs": rows})


def _duration(random: Random, kind: str) -> int:
    duration = random.randint(1, _LONGEST)
    return 5 * duration if kind in _UNEQUAL and random.random() < 0.1 else duration


def _read(instance: Instance) -> tuple[list[list[tuple[int, int]]], int]:
    jobs, machines = instance.data["jobs"], instance.data["machines"]
    assert isinstance(jobs, list)
    assert isinstance(machines, int)
    return [[(machine, duration) for machine, duration in integer_rows(job)] for job in jobs], machines
