"""Verifiers of the offline problems: a valid answer costs what it costs, every constraint is broken once on purpose."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from rule_play import OFFLINE, answer_with, offline_problem, scheduling_task

from evaluators.schedulers.problem import Instance, Split, Violated
from nightforge.domain.base import Json

SHOP = Instance("shop", "2x2", {"machines": 2, "jobs": [[[0, 3], [1, 2]], [[1, 4], [0, 1]]]})
PROJECT = Instance(
    "project",
    "n3",
    {"durations": [2, 3, 1], "successors": [[2], [], []], "demands": [[2], [2], [1]], "capacities": [3]},
)
GRAPH = Instance("graph", "3x2", {"costs": [[2, 4], [3, 1], [5, 2]], "edges": [[0, 1, 3], [0, 2, 1]]})
ORDER = Instance("orders", "3", {"transactions": [[[1, 7], [0, 8]], [[0, 7], [1, 9]], [[0, 8], [1, 7]]]})

GOOD: dict[str, tuple[Instance, Json, int]] = {
    "job-shop": (SHOP, [[0, 4], [0, 4]], 6),
    "rcpsp": (PROJECT, [0, 2, 2], 5),
    "het-dag": (GRAPH, [[0, 0], [0, 2], [1, 3]], 5),
    "txn-order": (ORDER, [0, 1, 2], 3),
}
BROKEN: list[tuple[str, str, Any]] = [
    ("job-shop", "precedence", [[0, 2], [4, 8]]),
    ("job-shop", "machine", [[0, 3], [0, 4]]),
    ("job-shop", "form", [[0, 4]]),
    ("job-shop", "form", [[0, 4], [0, 4], [0, 4]]),
    ("job-shop", "form", [[0, 4], [0]]),
    ("job-shop", "form", {"0": [0, 4]}),
    ("rcpsp", "precedence", [0, 2, 1]),
    ("rcpsp", "capacity", [0, 1, 4]),
    ("rcpsp", "form", [0, 2]),
    ("rcpsp", "form", [0, 2, 2, 2]),
    ("rcpsp", "form", 5),
    ("het-dag", "precedence", [[0, 0], [1, 4], [1, 5]]),
    ("het-dag", "precedence", [[0, 0], [0, 1], [1, 3]]),
    ("het-dag", "processor-overlap", [[0, 0], [0, 2], [0, 4]]),
    ("het-dag", "processor", [[0, 0], [0, 2], [2, 3]]),
    ("het-dag", "form", [[0, 0], [0, 2], [-1, 3]]),
    ("het-dag", "form", [[0, 0], [0, 2]]),
    ("het-dag", "form", [[0, 0], [0, 2], [1, 3, 0]]),
    ("het-dag", "form", "0"),
    ("txn-order", "permutation", [0, 1, 1]),
    ("txn-order", "form", [0, 1]),
    ("txn-order", "form", [0, 1, 3]),
    ("txn-order", "form", [0, 1, 2, 0]),
    ("txn-order", "form", [0, [0, 1, 2]]),
]
STRANGE: list[Any] = [-1, 1.5, 2.0, True, float("nan"), float("inf"), "3", 10**40, None, [0], {}]


@pytest.mark.parametrize("name", OFFLINE)
def test_a_small_answer_worked_out_by_hand_costs_what_it_costs(name: str) -> None:
    instance, answer, cost = GOOD[name]
    assert offline_problem(name).verify(instance, answer) == cost
    assert offline_problem(name).bound(instance) <= cost


@pytest.mark.parametrize(("name", "constraint", "answer"), BROKEN)
def test_every_constraint_is_checked(name: str, constraint: str, answer: Json) -> None:
    with pytest.raises(Violated) as caught:
        offline_problem(name).verify(GOOD[name][0], answer)
    assert caught.value.constraint == constraint
    assert caught.value.detail


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
@pytest.mark.parametrize("name", OFFLINE)
def test_only_plain_integers_in_range_are_numbers(name: str, strange: Any) -> None:
    instance, good, _ = GOOD[name]
    answer: Any = copy.deepcopy(good)
    if isinstance(answer[-1], list):
        answer[-1][-1] = strange
    else:
        answer[-1] = strange
    with pytest.raises(Violated):
        offline_problem(name).verify(instance, answer)


@pytest.mark.parametrize("name", ["job-shop", "rcpsp", "het-dag"])
def test_one_time_unit_less_breaks_a_tight_schedule(name: str) -> None:
    """Answers of the best human rule with one start moved to one unit earlier: valid only where there was a gap."""
    problem, task = offline_problem(name), scheduling_task(name)
    instance = problem.generate(Split.TRAIN, 1)[0]
    answer: Any = answer_with(problem, task.read(task.seed), instance)
    cost = problem.verify(instance, answer)
    broken = 0
    for place in range(len(answer)):
        other = copy.deepcopy(answer)
        if isinstance(other[place], list):
            other[place][-1] -= 1
        else:
            other[place] -= 1
        try:
            assert problem.verify(instance, other) >= cost - 1
        except Violated:
            broken += 1
    assert broken > len(answer) / 2


@pytest.mark.parametrize("name", OFFLINE)
def test_the_verifier_leaves_instance_and_answer_alone(name: str) -> None:
    instance, answer, _ = GOOD[name]
    before = copy.deepcopy((instance.data, answer))
    offline_problem(name).verify(instance, answer)
    offline_problem(name).bound(instance)
    assert (instance.data, answer) == before
