"""Formulas played by the drivers in C: costs as by the programs, and no other program is taken for a formula."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from random import Random

import pytest
from rule_play import scheduling_task

from evaluators.schedulers.compiled import Engine, build_engine
from evaluators.schedulers.formulas import postfix_of
from evaluators.schedulers.player import Answered, Budget, RuleFailed, open_player
from evaluators.schedulers.problem import Instance, Problem, Split
from evaluators.schedulers.quick import open_quick
from evaluators.schedulers.spec import load_problem, read_settings
from nightforge.domain.ports import Sandbox
from sandbox.platform import find_tool
from sandbox.probe import open_sandbox
from tools.rules.grow import Grower, subtree
from tools.rules.program import rules_of

TASKS = ("job-shop", "rcpsp", "het-dag", "bin-packing", "spot-deadline")
_BUDGET = Budget(20.0)

needs_compiler = pytest.mark.skipif(find_tool("gcc") is None, reason="no C compiler")


@cache
def box() -> Sandbox:
    return open_sandbox()


@cache
def engine_of(name: str) -> Engine:
    found = asyncio.run(build_engine(box(), load_problem(name)))
    assert found is not None
    return found


def _programs(name: str) -> Sequence[str]:
    """The human rules, and formulas that no person would write."""
    task, random = scheduling_task(name), Random(name)
    seed = task.read(task.seed)
    found = [task.read(rule.source) for rule in read_settings(task).baselines if rule.budget == "rule"]
    for _ in range(4):
        program = seed
        for place in range(len(rules_of(seed))):
            rule = rules_of(program)[place]
            grower, formula = Grower(rule.features, random, rule.is_ranking), rule.formula
            for _ in range(4):
                formula = grower.usable(subtree(formula, grower), rule.formula) or formula
            program = rule.with_formula(formula)
        found.append(program)
    return found


def _few(problem: Problem) -> Sequence[Instance]:
    """Of every group of the hidden set the first, but for the longest streams."""
    found: dict[str, Instance] = {}
    for instance in problem.generate(Split.HIDDEN, 7):
        if not isinstance(instance.truth, list) or len(instance.truth) <= 1000:
            found.setdefault(instance.group, instance)
    return list(found.values())


def _costs(
    problem: Problem, program: str, instances: Sequence[Instance], engine: Engine | None, *, checked: bool = True
) -> list[object]:
    together = len(instances)
    with open_quick(box(), program, problem, _BUDGET, engine=engine, together=together, checked=checked) as player:
        answered: list[Answered] = []
        while len(answered) < len(instances):
            answered += player.answers(instances[len(answered) : len(answered) + player.together])
    return [one.cost for one in answered]


@needs_compiler
@pytest.mark.parametrize("name", TASKS)
def test_the_drivers_in_c_cost_what_the_drivers_in_python_cost(name: str) -> None:
    problem, compared = load_problem(name), 0
    instances = _few(problem)
    for program in _programs(name):
        if postfix_of(program, problem) is None:
            continue
        compared += 1
        by_program = _costs(problem, program, instances, None)
        assert _costs(problem, program, instances, engine_of(name)) == by_program, program
        assert _costs(problem, program, instances, engine_of(name), checked=False) == by_program, program
    assert compared >= 6


_OTHERS = {
    "a name from outside": 'LIMIT = 3\ndef priority(f):\n    return LIMIT * f["duration"]\n',
    "a helper": 'def twice(x):\n    return 2 * x\ndef priority(f):\n    return twice(f["duration"])\n',
    "a loop": 'def priority(f):\n    for _ in range(2):\n        pass\n    return f["duration"]\n',
    "no feature": 'def priority(f):\n    return f["truth"]\n',
    "a decorator": '@print\ndef priority(f):\n    return f["duration"]\n',
    "a default": 'def priority(f, g=1):\n    return f["duration"]\n',
    "another min": 'def priority(min):\n    return min["duration"]\n',
    "its parameter replaced": 'def priority(f):\n    f = {"duration": 1}\n    return f["duration"]\n',
    "twice the same": 'def priority(f):\n    return 1\ndef priority(f):\n    return f["duration"]\n',
    "another name": 'def other(f):\n    return f["duration"]\n',
    "text": "def priority(f):\n    return 'much'\n",
    "not Python": "def priority(f) return 1\n",
    "an import": 'import math\ndef priority(f):\n    return f["duration"]\n',
}


@pytest.mark.parametrize("what", _OTHERS)
def test_whatever_is_more_than_a_formula_runs_as_the_program_it_is(what: str) -> None:
    assert postfix_of(_OTHERS[what], load_problem("job-shop")) is None


def test_local_names_and_texts_are_read_through() -> None:
    body = '"""It."""\n    share = f["duration"] / f["remaining"]\n    return -share\n'
    text = f'"""A rule."""\n\ndef priority(f):\n    {body}'
    plain = 'def priority(f):\n    return -(f["duration"] / f["remaining"])\n'
    problem = load_problem("job-shop")
    assert postfix_of(text, problem) == postfix_of(plain, problem) is not None


@needs_compiler
@pytest.mark.parametrize(
    ("formula", "ends"),
    [
        ('f["duration"] / f["wait"]', "crash"),
        ('f["duration"] / (f["remaining"] - f["remaining"])', "crash"),
        ("1e15 * 1e15 * " * 20 + '1e15 * f["duration"]', ""),
    ],
)
def test_where_doubles_could_differ_the_program_decides(formula: str, ends: str) -> None:
    """A division by zero ends it as in Python; beyond 2^53 the costs are Python's."""
    problem = load_problem("job-shop")
    program, instances = f"def priority(f):\n    return {formula}\n", _few(problem)[:3]
    assert postfix_of(program, problem) is not None
    if ends:
        with pytest.raises(RuleFailed, match="ZeroDivision") as failed:
            _costs(problem, program, instances, engine_of("job-shop"))
        assert failed.value.reason == ends
    else:
        with open_player(box(), program, problem, _BUDGET) as player:
            costs = [player.answer(instance).cost for instance in instances]
        assert _costs(problem, program, instances, engine_of("job-shop")) == costs
