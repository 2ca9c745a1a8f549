"""Whatever a rule says, the driver's answer is valid, costs no less than the bound, and labels do not matter."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_play import OFFLINE, answer_with, cost_with, offline_problem, scheduling_task

from evaluators.schedulers.answers import integer_rows, integers
from evaluators.schedulers.problem import Instance, OfflineProblem, Split, Violated
from evaluators.schedulers.transactions import makespan, read_transactions

_WEIGHTS = st.lists(st.integers(-9, 9), min_size=30, max_size=30)
_TIMES: Mapping[str, tuple[str, ...]] = {
    "job-shop": ("jobs",),
    "rcpsp": ("durations",),
    "het-dag": ("costs", "edges"),
}


def linear_rule(problem: OfflineProblem, weights: list[int]) -> str:
    """A program that weighs every feature; for whole orders one that shuffles."""
    if not problem.features:
        head = "import random\n\ndef order(instance):\n    numbers = list(range(len(instance['transactions'])))\n"
        return f"{head}    random.Random({weights[0]}).shuffle(numbers)\n    return numbers\n"
    text = ""
    for function in problem.functions:
        names = [one.name for one in problem.features if (one.function or problem.functions[0]) == function]
        terms = " + ".join(f"{weight} * f[{name!r}]" for weight, name in zip(weights, names, strict=False))
        text += f"def {function}(f):\n    return {terms}\n"
    return text


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), weights=_WEIGHTS, which=st.integers(0, 7))
@pytest.mark.parametrize("name", OFFLINE)
def test_any_rule_gives_a_valid_answer_not_below_the_bound(
    name: str, seed: int, weights: list[int], which: int
) -> None:
    problem = offline_problem(name)
    instance = problem.generate(Split.TRAIN, seed)[which]
    answer = answer_with(problem, linear_rule(problem, weights), instance)
    assert problem.bound(instance) <= problem.verify(instance, answer)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), moved=st.integers(0, 10**6))
@pytest.mark.parametrize("name", ["job-shop", "rcpsp", "het-dag"])
def test_a_start_moved_to_anywhere_is_found_out_or_changes_the_cost_honestly(name: str, seed: int, moved: int) -> None:
    """The verifier against a slow check of the same constraints, written apart."""
    problem = offline_problem(name)
    instance = problem.generate(Split.TRAIN, seed)[0]
    task = scheduling_task(name)
    answer: Any = answer_with(problem, task.read(task.seed), instance)
    random = Random(moved)
    row = random.randrange(len(answer))
    if name == "rcpsp":
        answer[row] = random.randrange(200)
    else:
        answer[row][-1] = random.randrange(500)
    expected = _SLOW[name](instance, answer)
    if expected is None:
        with pytest.raises(Violated):
            problem.verify(instance, answer)
    else:
        assert problem.verify(instance, answer) == expected


def _slow_shop(instance: Instance, answer: Any) -> int | None:
    taken: set[tuple[int, int]] = set()
    end: int = 0
    jobs: Any = instance.data["jobs"]
    for job, row in zip(jobs, answer, strict=True):
        free = 0
        for (machine, duration), start in zip(job, row, strict=True):
            cells = {(machine, time) for time in range(start, start + duration)}
            if start < free or cells & taken:
                return None
            taken |= cells
            free = start + duration
        end = max(end, int(free))
    return end


def _slow_project(instance: Instance, answer: Any) -> int | None:
    durations = integers(instance.data["durations"])
    ends = [start + duration for start, duration in zip(answer, durations, strict=True)]
    for one, followers in enumerate(integer_rows(instance.data["successors"])):
        if any(answer[follower] < ends[one] for follower in followers):
            return None
    demands = integer_rows(instance.data["demands"])
    for time in range(max(ends)):
        running = [demands[one] for one in range(len(ends)) if answer[one] <= time < ends[one]]
        for resource, capacity in enumerate(integers(instance.data["capacities"])):
            if sum(row[resource] for row in running) > capacity:
                return None
    return int(max(ends))


def _slow_graph(instance: Instance, answer: Any) -> int | None:
    costs = integer_rows(instance.data["costs"])
    ends = [start + costs[task][place] for task, (place, start) in enumerate(answer)]
    for one, other, transfer in integer_rows(instance.data["edges"]):
        if answer[other][1] < ends[one] + transfer * (answer[one][0] != answer[other][0]):
            return None
    cells = [(place, time) for task, (place, start) in enumerate(answer) for time in range(start, ends[task])]
    return None if len(cells) != len(set(cells)) else int(max(ends))


_SLOW = {"job-shop": _slow_shop, "rcpsp": _slow_project, "het-dag": _slow_graph}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_transactions_start_as_early_as_their_conflicts_allow(seed: int) -> None:
    """Against a simulation that tries one start after another on a full record of accesses."""
    random = Random(seed)
    instance = random.choice(offline_problem("txn-order").generate(Split.TRAIN, seed))
    transactions = read_transactions(instance)[:20]
    order = random.sample(range(20), 20)
    record: list[tuple[int, int, int]] = []
    end = 0
    for number in order:
        start = 0
        while any(
            key == other and kind + other_kind and time >= start + place
            for place, (kind, key) in enumerate(transactions[number])
            for other_kind, other, time in record
        ):
            start += 1
        record += [(kind, key, start + place) for place, (kind, key) in enumerate(transactions[number])]
        end = max(end, start + len(transactions[number]))
    assert makespan(transactions, order) == end


@pytest.mark.parametrize("name", ["job-shop", "rcpsp", "het-dag"])
def test_seven_times_the_times_is_seven_times_the_makespan(name: str) -> None:
    problem, task = offline_problem(name), scheduling_task(name)
    instance = problem.generate(Split.TRAIN, 3)[1]
    data = copy.deepcopy(instance.data)
    for key in _TIMES[name]:
        data[key] = _scaled(name, key, data[key])
    stretched = Instance("stretched", instance.group, data)
    source = task.read(task.seed)
    assert cost_with(problem, source, stretched) == pytest.approx(7 * cost_with(problem, source, instance), rel=0.02)
    assert problem.bound(stretched) == pytest.approx(7 * problem.bound(instance), abs=7)


def _scaled(name: str, key: str, value: Any) -> Any:
    if name == "job-shop":
        return [[[machine, 7 * duration] for machine, duration in job] for job in value]
    if key == "edges":
        return [[one, other, 7 * transfer] for one, other, transfer in value]
    return [7 * one if isinstance(one, int) else [7 * cost for cost in one] for one in value]


@pytest.mark.parametrize("name", OFFLINE)
def test_relabelled_instances_have_the_same_bound_and_nearly_the_same_costs(name: str) -> None:
    problem: Any = offline_problem(name)
    task = scheduling_task(name)
    source = task.read(task.seed)
    plain, changed = [], []
    for instance in problem.generate(Split.TRAIN, 5):
        for related, scale in problem.related(instance).values():
            assert scale == 1
            assert related.digest != instance.digest
            assert problem.bound(related) == problem.bound(instance)
            plain.append(cost_with(problem, source, instance))
            changed.append(cost_with(problem, source, related))
    assert sum(changed) == pytest.approx(sum(plain), rel=0.02 if name != "txn-order" else 0.06)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), which=st.integers(0, 19))
def test_a_job_shop_rule_that_shuns_waiting_keeps_no_machine_free_that_has_work(seed: int, which: int) -> None:
    problem, task = offline_problem("job-shop"), scheduling_task("job-shop")
    instance = problem.generate(Split.TRAIN, seed)[which]
    assert _waited_for(instance, answer_with(problem, task.read(task.seed), instance)) == 0


def test_a_job_shop_rule_may_keep_a_machine_free_for_what_comes_soon() -> None:
    """Within a third of the time until the first operation there could be done, and no longer."""
    problem = offline_problem("job-shop")
    tail = "def priority(f):\n    return f['remaining'] - f['duration']\n"
    delays = [_waited_for(one, answer_with(problem, tail, one)) for one in problem.generate(Split.TRAIN, 1)]
    assert max(delays) > 0
    assert max(delays) <= 99 // 3


def _waited_for(instance: Instance, answer: Any) -> int:
    """The longest that a machine stood idle while an operation that could have started there waited."""
    jobs: Any = instance.data["jobs"]
    spans: dict[int, list[tuple[int, int, int]]] = {}
    for job, row in zip(jobs, answer, strict=True):
        ready = 0
        for (machine, duration), start in zip(job, row, strict=True):
            spans.setdefault(machine, []).append((start, start + duration, ready))
            ready = start + duration
    longest = 0
    for lane in spans.values():
        free = 0
        for start, end, _ in sorted(lane):
            came = [ready for begins, _, ready in lane if begins >= start]
            longest = max(longest, start - max(free, min(came)))
            free = end
    return longest
