"""Online problems without a box: the shipped drivers, run in this process with programs of our own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_play import scheduling_task

from agents.planner_reading import read_goal_by_words
from evaluators.schedulers.answers import integers
from evaluators.schedulers.packing import BinPacking, lower_bound
from evaluators.schedulers.problem import Cost, Instance, OnlineProblem, Split, Violated
from evaluators.schedulers.spec import read_settings
from evaluators.schedulers.spot import DEMAND, SPOT, WAIT, Position, SpotDeadline, clairvoyant
from nightforge.catalogue import shipped_tasks
from nightforge.domain.base import Json


def _decider(problem: OnlineProblem, source: str, instance: Instance) -> Callable[[Json], Json]:
    rule: dict[str, Any] = {}
    driver: dict[str, Any] = {}
    exec(source, rule)
    exec(problem.driver, driver)
    decide: Callable[[Json], Json] = driver["begin"]([rule[name] for name in problem.functions], instance.data)
    return decide


def _cost(problem: OnlineProblem, instance: Instance, decide: Callable[[Json], Json]) -> Cost:
    play = problem.play(instance)
    observation = next(play)
    while True:
        try:
            observation = play.send(decide(observation))
        except StopIteration as end:
            cost: Cost = end.value
            return cost


def _excess_pct(problem: OnlineProblem, task: str, baseline: str, instances: Sequence[Instance]) -> dict[str, float]:
    """Mean per group, over the bound."""
    found = defaultdict(list)
    source = scheduling_task(task).read(f"baselines/{baseline}.py")
    for instance in instances:
        cost = _cost(problem, instance, _decider(problem, source, instance))
        found[instance.group].append(100 * (float(cost) / float(problem.bound(instance)) - 1))
    return {group: fmean(values) for group, values in found.items()}


@pytest.mark.parametrize(
    ("baseline", "or_1000", "weibull_5000"),
    [("first_fit", 5.10, 4.31), ("best_fit", 4.77, 4.01), ("sum_of_squares", 3.73, 0.48), ("steps", 2.45, 2.94)],
)
def test_human_packing_rules_do_what_the_literature_says(baseline: str, or_1000: float, weibull_5000: float) -> None:
    problem = BinPacking()
    few = [one for one in problem.generate(Split.PUBLIC, 0) if one.group in {"or-1000", "weibull-5000"}]
    found = _excess_pct(problem, "bin-packing", baseline, few)
    # Other draws of the same streams: two standard errors of the mean of 20 and of 5, and ties broken otherwise.
    assert found["or-1000"] == pytest.approx(or_1000, abs=0.5)
    assert found["weibull-5000"] == pytest.approx(weibull_5000, abs=0.2)


def test_packing_counts_bins_and_refuses_what_does_not_fit() -> None:
    problem = BinPacking()
    instance = Instance("one", "one", {"capacity": 10}, [6, 4, 7, 3, 3])
    assert _cost(problem, instance, _given([10, 4, 10, 3, 10])) == 3
    for decisions, constraint in (
        ([5], "capacity"),
        ([11], "capacity"),
        ([8], "bin"),
        ([10, 3], "capacity"),
        ([10, 4, 10, 4], "bin"),
        ([10.0], "form"),
        ([True], "form"),
        ([None], "form"),
    ):
        with pytest.raises(Violated) as caught:
            _cost(problem, instance, _given(decisions))
        assert caught.value.constraint == constraint, decisions


def _given(decisions: Sequence[Json]) -> Callable[[Json], Json]:
    left = iter(decisions)
    return lambda observation: next(left)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_the_packing_bound_is_one(items: list[int]) -> None:
    assert lower_bound(30, items) <= _fewest_bins(30, items)


def _fewest_bins(capacity: int, items: Sequence[int]) -> int:
    best = len(items)

    def place(rest: Sequence[int], rooms: list[int]) -> None:
        nonlocal best
        if len(rooms) >= best:
            return
        if not rest:
            best = len(rooms)
            return
        for number, room in enumerate(rooms):
            if room >= rest[0]:
                place(rest[1:], [*rooms[:number], room - rest[0], *rooms[number + 1 :]])
        place(rest[1:], [*rooms, capacity - rest[0]])

    place(sorted(items, reverse=True), [])
    return best


@pytest.mark.parametrize("problem", [BinPacking(), SpotDeadline()], ids=lambda problem: problem.name)
def test_sets_are_reproducible_and_apart(problem: OnlineProblem) -> None:
    for split in (Split.TRAIN, Split.VALIDATION, Split.HIDDEN):
        assert problem.generate(split, 7) == problem.generate(split, 7)
    digests = [
        {one.digest for one in problem.generate(split, 7)} for split in (Split.TRAIN, Split.VALIDATION, Split.HIDDEN)
    ]
    assert all(not one & other for one, other in pairwise([*digests, digests[0]]))


@pytest.mark.parametrize("name", ["bin-packing", "spot-deadline"])
def test_every_human_rule_is_valid_and_above_the_bound(name: str) -> None:
    task = scheduling_task(name)
    problem = BinPacking() if name == "bin-packing" else SpotDeadline()
    firsts = {one.group: one for one in problem.generate(Split.TRAIN, 3)}
    for rule in read_settings(task).baselines:
        for instance in firsts.values():
            cost = _cost(problem, instance, _decider(problem, task.read(rule.source), instance))
            assert cost >= problem.bound(instance), (rule.name, instance.name)


def test_spot_uniform_progress_is_near_what_was_measured() -> None:
    problem = SpotDeadline()
    many = [one for seed in range(3) for one in problem.generate(Split.TRAIN, seed)]
    found = _excess_pct(problem, "spot-deadline", "uniform_progress", many)
    for group, measured in {"52h-5min": 7.9, "52h-15min": 12.5, "70h-5min": 10.6, "70h-15min": 15.2}.items():
        assert found[group] == pytest.approx(measured, abs=4.0), group


@given(st.lists(st.integers(0, 1), min_size=12, max_size=12), st.lists(st.integers(0, 2), min_size=12, max_size=12))
@settings(max_examples=200, deadline=None)
def test_no_policy_is_late_or_better_than_clairvoyant(trace: list[int], wishes: list[int]) -> None:
    problem = SpotDeadline()
    data: dict[str, Json] = {"work": 6, "deadline": 12, "over": 2, "spot_price": 81, "demand_price": 255}
    instance = Instance("tiny", "tiny", data, list[Json](trace))

    def decide(observation: Json) -> Json:
        tick, has_spot, *_ = integers(observation)
        return WAIT if wishes[tick] == SPOT and not has_spot else wishes[tick]

    assert _cost(problem, instance, decide) >= problem.bound(instance)


@given(st.lists(st.integers(0, 1), min_size=8, max_size=8), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_clairvoyant_is_the_best_of_all_schedules(trace: list[int], over: int) -> None:
    work, deadline = 3, 8

    def least(tick: int, now: Position) -> float:
        if now.done == work:
            return 0
        if tick == deadline:
            return float("inf")
        if now.running == SPOT and not trace[tick]:
            now = Position(now.done)
        options = [(WAIT, 0), (DEMAND, 255), *([(SPOT, 81)] if trace[tick] else [])]
        return min(price + least(tick + 1, now.after(choice, over)) for choice, price in options)

    assert clairvoyant(trace, work, deadline, over) == least(0, Position())


def test_spot_refuses_what_is_not_offered() -> None:
    problem = SpotDeadline()
    data: dict[str, Json] = {"work": 6, "deadline": 24, "over": 2, "spot_price": 81, "demand_price": 255}
    instance = Instance("tiny", "tiny", data, [0] * 24)
    for decision, constraint in ((SPOT, "availability"), (3, "form"), (-1, "form"), (True, "form"), ("1", "form")):
        with pytest.raises(Violated) as caught:
            _cost(problem, instance, _given([decision]))
        assert caught.value.constraint == constraint


def test_a_cheaper_policy_is_what_spot_capacity_is_about() -> None:
    reading = read_goal_by_words(
        "a cheaper policy for a job on spot capacity under a deadline",
        shipped_tasks(),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert reading.task == "spot-deadline"
    assert not reading.refusal
