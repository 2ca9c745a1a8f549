"""The instances of a task with what their costs are held against: made once, kept for all candidates."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from evaluators.schedulers.player import Budget, RuleFailed, open_player
from evaluators.schedulers.problem import Cost, Instance, Problem, Split
from evaluators.schedulers.scoring import OK, Row, Yardstick
from evaluators.schedulers.spec import SchedulerSettings, read_references
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.errors import EvaluatorFault


@dataclass(frozen=True)
class Case:
    instance: Instance
    yardstick: Yardstick


class CaseBook:
    """Built lazily per split: the human rules run in the box like any candidate, the strongest of a group is B."""

    def __init__(
        self, sandbox: Sandbox, task: Task, settings: SchedulerSettings, problem: Problem, budget: Budget
    ) -> None:
        self.settings = settings
        self.problem = problem
        self.budget = budget
        self.task_name = task.name
        self.seconds_per_evaluation = 0.0
        self._sandbox = sandbox
        self._task = task
        self._cases: dict[tuple[Split, int], tuple[Case, ...]] = {}
        self._costs: dict[tuple[Split, int], Mapping[str, Sequence[Cost]]] = {}
        self._lock = Lock()

    def cases(self, split: Split, seed: int | None = None) -> tuple[Case, ...]:
        key = (split, self._seed(split) if seed is None else seed)
        with self._lock:
            if key not in self._cases:
                self._build(key)
            return self._cases[key]

    def baseline_rows(self, split: Split) -> Mapping[str, Sequence[Row]]:
        cases = self.cases(split)
        kept = {case.instance.name for case in cases}
        instances = self.problem.generate(split, self._seed(split))
        costs = self._costs[split, self._seed(split)]
        places = [place for place, instance in enumerate(instances) if instance.name in kept]
        return {
            name: [
                Row(case.instance.name, case.instance.group, OK, case.yardstick, costs[name][place])
                for place, case in zip(places, cases, strict=True)
            ]
            for name in costs
        }

    def _seed(self, split: Split) -> int:
        return self.settings.train_seed if split is Split.TRAIN else self.settings.validation_seed

    def _build(self, key: tuple[Split, int]) -> None:
        split, seed = key
        instances = self.problem.generate(split, seed)
        costs = self._costs[key] = {
            rule.name: self._run(self._task.read(rule.source), rule.name, instances) for rule in self.settings.baselines
        }
        best = _strongest_by_group(instances, costs)
        references = read_references(self._task)
        cases = []
        for place, instance in enumerate(instances):
            baseline = costs[best[instance.group]][place]
            bound = self.problem.bound(instance)
            known = references.get(instance.digest)
            if known is not None:
                bound = max(bound, known.proven)
            reference = bound if known is None else known.cost
            if reference < baseline:
                yardstick = Yardstick(baseline, reference, bound, is_proven=reference == bound and known is not None)
                cases.append(Case(instance, yardstick))
        if not cases:
            raise EvaluatorFault(f"no instance of {split} leaves room between baseline and reference")
        self._cases[key] = tuple(cases)

    def _run(self, source: str, name: str, instances: Sequence[Instance]) -> list[Cost]:
        began = time.perf_counter()
        try:
            with open_player(self._sandbox, source, self.problem, self.budget) as player:
                costs = [player.answer(instance).cost for instance in instances]
        except RuleFailed as failure:
            raise EvaluatorFault(f"baseline {name} failed: {failure}", where=str(self._task.root)) from failure
        self.seconds_per_evaluation = max(self.seconds_per_evaluation, time.perf_counter() - began)
        return costs


def _strongest_by_group(instances: Sequence[Instance], costs: Mapping[str, Sequence[Cost]]) -> dict[str, str]:
    """The rule with the least total cost, relative to the best of all rules, on each group of instances."""
    best: dict[str, str] = {}
    for group in {instance.group for instance in instances}:
        places = [place for place, instance in enumerate(instances) if instance.group == group]
        least = {place: min(costs[name][place] for name in costs) for place in places}
        best[group] = min(
            sorted(costs),
            key=lambda name: sum(float(costs[name][place] / least[place]) if least[place] else 0.0 for place in places),
        )
    return best
