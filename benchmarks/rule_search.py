"""Genetic programming on the compiled drivers alone: what a task's features can give, within seconds.

`python -m benchmarks.rule_search TASK [--seed 1] [--evaluations 500] [--groups A,B] [--draws 11,12] [--start FORMULA]`

A steady state of 24 rules, changed by the moves of `tools.rules.grow`, without campaign, store, hidden set. It selects
on training instances of the given draws, and tells the excess of the best on instances that it did not see: draws 21 to
23 of the validation sets, of `bin-packing` the public set. Excess in % over the proven bound for online problems, over
the best of the rules that the seed quotes for offline ones.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from statistics import fmean

from evaluators.schedulers.compiled import Engine, FormulaPlayer, build_engine
from evaluators.schedulers.formulas import postfix_of
from evaluators.schedulers.player import Budget, RuleFailed, RulePlayer
from evaluators.schedulers.problem import Instance, OnlineProblem, Split
from evaluators.schedulers.spec import load_problem, read_settings
from nightforge.catalogue import shipped_tasks
from nightforge.domain.task import Task
from sandbox.probe import open_sandbox
from sandbox.spent import cpu_time_s
from tools.rules import grow
from tools.rules.formula import Formula, parse, text_of
from tools.rules.grow import Grower
from tools.rules.likeness import choices
from tools.rules.program import Rule, rules_of

_POPULATION, _PRESSURE = 24, 5
_SECOND_CHANGE, _OTHERS_SHARE = 0.3, 0.8
_FRESH = (21, 22, 23)
_MOVES: Sequence[Callable[[Formula, Grower], Formula] | None] = (
    *[grow.insert] * 6,
    *[grow.numbers] * 6,
    *[grow.subtree] * 3,
    *[grow.point] * 3,
    *[grow.hoist] * 2,
    *[None] * 6,
)
"""None: a crossing of two rules."""
Formulas = Mapping[str, Formula]


class Shops:
    """Instances, with what their costs are held against."""

    def __init__(self, task: Task, engine: Engine, instances: Sequence[Instance]) -> None:
        self.problem = load_problem(read_settings(task).problem)
        self.seed = task.read(task.seed)
        self._engine = engine
        self._instances = instances
        rules = rules_of(self.seed)
        if isinstance(self.problem, OnlineProblem):
            self._yard = [float(self.problem.bound(instance)) for instance in instances]
        else:
            quoted = [{rule.function: known.formula} for rule in rules for known in rule.known]
            people = [costs for one in ({}, *quoted) if (costs := self.costs(one)) is not None]
            self._yard = [min(column) for column in zip(*people, strict=True)]

    def costs(self, formulas: Formulas) -> list[float] | None:
        """None where a formula has no value."""
        source = self.seed
        for function, formula in formulas.items():
            rule = next(one for one in rules_of(source) if one.function == function)
            source = rule.with_formula(formula)
        postfix = postfix_of(source, self.problem)
        if postfix is None:
            return None
        program = RulePlayer(open_sandbox(), source, self.problem, Budget(20.0))
        try:
            player = FormulaPlayer(self._engine, self.problem, postfix, program)
            return [float(answered.cost) for answered in player.answers(self._instances)]
        except RuleFailed:
            return None
        finally:
            program.close()

    def excess(self, formulas: Formulas) -> dict[str, float] | None:
        """Mean % by group."""
        costs = self.costs(formulas)
        if costs is None:
            return None
        found: dict[str, list[float]] = {}
        for instance, cost, yard in zip(self._instances, costs, self._yard, strict=True):
            found.setdefault(instance.group, []).append(100 * (cost / yard - 1))
        return {group: round(fmean(values), 3) for group, values in found.items()}


class Population:
    """The best so far, no two that choose alike."""

    def __init__(self, shops: Shops) -> None:
        self.rules = rules_of(shops.seed)
        self.best: list[tuple[float, dict[str, Formula]]] = []
        self._shops = shops
        self._seen: set[tuple[tuple[int, ...], ...]] = set()

    @property
    def evaluations(self) -> int:
        return len(self._seen)

    def add(self, formulas: dict[str, Formula]) -> None:
        key = tuple(choices(formulas[rule.function], rule.features) for rule in self.rules)
        if key in self._seen:
            return
        self._seen.add(key)
        excess = self._shops.excess(formulas)
        if excess is not None:
            self.best.append((fmean(excess.values()), formulas))
            self.best.sort(key=lambda one: one[0])
            del self.best[_POPULATION:]

    def begin(self, starts: Sequence[str]) -> None:
        seed = {rule.function: rule.formula for rule in self.rules}
        self.add(seed)
        for rule in self.rules:
            for known in rule.known:
                self.add({**seed, rule.function: known.formula})
        for start in starts:
            self.add({**seed, self.rules[0].function: parse(start)})

    def step(self, random: Random) -> None:
        _, parent = self.best[min(len(self.best) - 1, int(random.expovariate(1 / _PRESSURE)))]
        rule = random.choice(self.rules)
        grower = Grower(rule.features, random, rule.is_ranking)
        old = parent[rule.function]
        move = random.choice(_MOVES)
        new = move(old, grower) if move else grow.cross(old, self._other(rule, random), grower)
        if random.random() < _SECOND_CHANGE and new.terminals():
            new = random.choice((grow.insert, grow.numbers, grow.point))(new, grower)
        usable = grower.usable(new, old)
        if usable is not None:
            self.add({**parent, rule.function: usable})

    def _other(self, rule: Rule, random: Random) -> Formula:
        if random.random() < _OTHERS_SHARE or not rule.known:
            return random.choice(self.best)[1][rule.function]
        return random.choice(rule.known).formula


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rule_search", description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--evaluations", type=int, default=500)
    parser.add_argument("--groups", default="", help="of instances; all")
    parser.add_argument("--draws", default="11,12,13", help="seeds of training sets")
    parser.add_argument("--start", action="append", default=[], help="a formula to begin with, beside those quoted")
    options = parser.parse_args(arguments)
    task = next((one for one in shipped_tasks() if one.domain == "schedulers" and one.name == options.task), None)
    problem = load_problem(read_settings(task).problem) if task else None
    engine = asyncio.run(build_engine(open_sandbox(), problem)) if problem else None
    if task is None or problem is None or engine is None:
        parser.error(f"{options.task}: no scheduling task with rules, or no C compiler")
    groups = set(options.groups.split(",")) - {""}

    def shops(split: Split, draws: Sequence[int]) -> Shops:
        drawn = [instance for draw in draws for instance in problem.generate(split, draw)]
        return Shops(task, engine, [one for one in drawn if not groups or one.group in groups])

    train = shops(Split.TRAIN, [int(draw) for draw in options.draws.split(",")])
    fresh = shops(Split.PUBLIC, (0,)) if task.name == "bin-packing" else shops(Split.VALIDATION, _FRESH)
    population, random = Population(train), Random(options.seed)
    population.begin(options.start)
    print("the best of people, fresh:", fresh.excess(population.best[0][1]), flush=True)
    while population.evaluations < options.evaluations:
        population.step(random)
    for score, formulas in population.best[:3]:
        print(f"train {score:.3f} fresh {fresh.excess(formulas)}")
        for function, formula in formulas.items():
            print(f"  {function}: {text_of(formula)}")
    engine.rest()
    print(f"{cpu_time_s():.1f} s of CPU time")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
