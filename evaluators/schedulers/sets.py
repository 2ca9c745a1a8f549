"""The instances of a task with what their costs are held against: made once, kept for all candidates."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from threading import Lock

from evaluators.schedulers.compiled import Engine
from evaluators.schedulers.hidden import hidden_seed
from evaluators.schedulers.player import Budget, RuleFailed
from evaluators.schedulers.problem import Cost, Instance, Problem, Split
from evaluators.schedulers.quick import Player, batches, open_quick
from evaluators.schedulers.racing import Paddock
from evaluators.schedulers.scoring import OK, Row, Yardstick
from evaluators.schedulers.spec import RuleSpec, SchedulerSettings, read_references, seeds_of
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.errors import EvaluatorFault

_PUBLIC_PATIENCE = 20
"""Public instances may be far larger than the task's; they are reported, and never ranked."""


@dataclass(frozen=True)
class Case:
    instance: Instance
    yardstick: Yardstick


@dataclass(frozen=True)
class _Built:
    cases: tuple[Case, ...]
    costs: Mapping[str, Mapping[str, Cost]]
    """Human rule → instance → cost; of the kept instances."""


class CaseBook:
    """Built lazily per split: the human rules run in the box like any candidate, the strongest of a group is B."""

    def __init__(
        self,
        sandbox: Sandbox,
        task: Task,
        settings: SchedulerSettings,
        problem: Problem,
        budget: Budget,
        *,
        engine: Engine | None = None,
    ) -> None:
        self.settings = settings
        self.problem = problem
        self.paddock = Paddock()
        self.seconds_per_evaluation = 0.0
        self.engine = engine
        """The compiled driver; None: all run as the programs that they are."""
        self._sandbox = sandbox
        self._task = task
        self._budget = budget
        self._built: dict[tuple[Split, int], _Built] = {}
        self._later: dict[Split, tuple[Case, ...]] = {}
        self._lock = Lock()

    def cases(self, split: Split, seed: int | None = None) -> tuple[Case, ...]:
        """Of another seed than the task's only for checks of the task itself."""
        first = self._build(split, seed).cases
        return (*first, *self._further(split)) if split is Split.HIDDEN and seed is None else first

    def further(self) -> tuple[Case, ...]:
        """Validation instances of further draws: what selects among hundreds of rules has to be large. Empty without
        the compiled driver, which plays them at next to no cost; programs take seconds, unless they fall behind."""
        return self._further(Split.VALIDATION)

    def _further(self, split: Split) -> tuple[Case, ...]:
        if split not in self._later:
            cases = [case for draw, built in self._draws(split) for case in _named(built.cases, draw)]
            self._later[split] = tuple(interleaved(cases))
        return self._later[split]

    def _draws(self, split: Split) -> Iterator[tuple[int, _Built]]:
        """Those after the first; none without the compiled driver."""
        wanted = {Split.VALIDATION: self.settings.validation_draws, Split.HIDDEN: self.settings.hidden_draws}
        seeds = seeds_of(self._seed(split), wanted.get(split, 1) if self.engine else 1)
        for draw, seed in enumerate(seeds[1:], 1):
            yield draw, self._build(split, seed)

    def baseline_rows(self, split: Split) -> Mapping[str, Sequence[Row]]:
        """Further draws included: what candidates are held against."""
        found: dict[str, list[Row]] = {}
        for built in (self._build(split, None), *(built for _, built in self._draws(split))):
            for name, costs in built.costs.items():
                found.setdefault(name, []).extend(
                    Row(case.instance.name, case.instance.group, OK, case.yardstick, costs[case.instance.name])
                    for case in built.cases
                )
        return found

    def program_of(self, rule: RuleSpec) -> str:
        return self._task.read(rule.source)

    def budget(self, split: Split) -> Budget:
        return Budget(self._budget.cpu_s * (_PUBLIC_PATIENCE if split is Split.PUBLIC else 1))

    def together(self, split: Split) -> int:
        """Finalists play hidden instances one by one: nothing can pass between them."""
        return 1 if split in {Split.HIDDEN, Split.PUBLIC} else self.settings.together

    def open(
        self, source: str, split: Split, together: int | None = None, *, checked: bool = True
    ) -> AbstractContextManager[Player]:
        """Whoever plays it quickest; the costs are the same. `checked` as in `open_quick`."""
        return open_quick(
            self._sandbox,
            source,
            self.problem,
            self.budget(split),
            engine=self.engine,
            together=self.together(split) if together is None else together,
            checked=checked,
        )

    def _seed(self, split: Split) -> int:
        match split:
            case Split.TRAIN:
                return self.settings.train_seed
            case Split.VALIDATION:
                return self.settings.validation_seed
            case Split.HIDDEN:
                return hidden_seed(self._task.name)
            case Split.PUBLIC:
                return 0

    def _build(self, split: Split, seed: int | None) -> _Built:
        key = (split, self._seed(split) if seed is None else seed)
        with self._lock:
            if key not in self._built:
                self._built[key] = self._make(split, key[1])
            return self._built[key]

    def _make(self, split: Split, seed: int) -> _Built:
        instances = self.problem.generate(split, seed)
        if not instances:
            return _Built((), {})
        rules = self.settings.baselines
        # CPU time is counted per process, so that rules beside each other do not change what anyone is charged.
        with ThreadPoolExecutor(max_workers=min(len(rules), os.cpu_count() or 1)) as pool:
            rows = pool.map(lambda rule: self._run(rule, split, instances, checked=False), rules)
            costs = dict(zip((rule.name for rule in rules), rows, strict=True))
        best = _strongest_by_group(instances, costs)
        for rule in rules:
            # What others are held against is verified; of weaker rules the compiled driver's own costs will do.
            if rule.name in best.values() and self.engine and costs[rule.name] != self._run(rule, split, instances):
                raise EvaluatorFault(
                    f"baseline {rule.name}: the compiled driver and its verifier do not agree",
                    where=str(self._task.root),
                    hint="the drivers in C and in Python differ: please report it",
                )
        references = read_references(self._task)
        cases = []
        for place, instance in enumerate(instances):
            baseline = costs[best[instance.group]][place]
            bound = self.problem.bound(instance)
            known = references.get(instance.digest)
            if known is not None:
                bound = max(bound, known.proven)
            if any(row[place] < bound for row in costs.values()):
                raise EvaluatorFault(
                    f"a human rule is better than the bound {bound} of {instance.name}",
                    where=str(self._task.root),
                    hint="the bound, the reference or the verifier is wrong",
                )
            reference = bound if known is None else known.cost
            if reference < baseline:
                yardstick = Yardstick(baseline, reference, bound, is_proven=reference == bound and known is not None)
                cases.append(Case(instance, yardstick))
        if split in {Split.TRAIN, Split.VALIDATION}:
            cases = interleaved(cases)
        if not cases:
            raise EvaluatorFault(f"no instance of {split} leaves room between the human rules and the reference")
        kept = {case.instance.name for case in cases}
        named = {
            name: {one.name: cost for one, cost in zip(instances, row, strict=True) if one.name in kept}
            for name, row in costs.items()
        }
        return _Built(tuple(cases), named)

    def _run(self, rule: RuleSpec, split: Split, instances: Sequence[Instance], *, checked: bool = True) -> list[Cost]:
        began = time.perf_counter()
        source, together = self.program_of(rule), self.settings.together
        costs: list[Cost] = []
        try:
            with self.open(source, split, together, checked=checked) as player:
                for batch in batches(player, instances):
                    costs.extend(answered.cost for answered in player.answers(batch))
        except RuleFailed as failure:
            raise EvaluatorFault(f"baseline {rule.name} failed: {failure}", where=str(self._task.root)) from failure
        if split is Split.VALIDATION:
            self.seconds_per_evaluation = max(self.seconds_per_evaluation, time.perf_counter() - began)
        return costs


def _named(cases: Sequence[Case], draw: int) -> Iterator[Case]:
    """Of further draws instances have names of their own."""
    for case in cases:
        yield replace(case, instance=replace(case.instance, name=f"{case.instance.name}-{draw}"))


def interleaved(cases: Sequence[Case]) -> list[Case]:
    """Every group spread evenly over the whole: a race sees all of them early, not one kind first."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.instance.group, []).append(case)
    placed = [((at + 0.5) / len(group), case) for group in groups.values() for at, case in enumerate(group)]
    return [case for _, case in sorted(placed, key=lambda one: one[0])]


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
