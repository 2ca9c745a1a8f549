"""Builds what instances are held against: the best known cost and the best proven lower bound, apart.

usage: python -m evaluators.schedulers.references TASK [--hidden] [--seconds N] [--only GROUP] [--again]

Needs OR-tools (extra `schedulers`) and is never imported by an evaluation. Training and validation references go into
the task's folder (references.json), those of the hidden instances beside their seed under the home. Each instance gets
N seconds of CP-SAT's deterministic time, one worker, fixed seed, started from the best human rule's answer; every
value is the trusted verifier's, never the solver's word. An interrupted run goes on where it was; --again tries those
that are not proven optimal once more and keeps the better value and the better bound.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from random import Random
from typing import Any

from evaluators.schedulers.answers import integer_rows, integers
from evaluators.schedulers.hidden import hidden_references_file, hidden_seed
from evaluators.schedulers.problem import Cost, Instance, OfflineProblem, Split
from evaluators.schedulers.spec import (
    REFERENCES_FILE,
    SchedulerSettings,
    load_problem,
    parse_references,
    read_settings,
    seeds_of,
)
from evaluators.schedulers.transactions import makespan, read_transactions
from nightforge.catalogue import shipped_tasks
from nightforge.domain.base import Json
from nightforge.domain.task import Task
from nightforge.errors import UserError

_MOVES = 15_000
"""Of the insertion search that goes before CP-SAT where CP-SAT alone finds little: transactions."""


@dataclass(frozen=True)
class Found:
    answer: Json
    bound: int
    """Proven by the solver; 0 where it proved nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m evaluators.schedulers.references")
    parser.add_argument("task")
    parser.add_argument("--hidden", action="store_true", help="the hidden instances of this machine instead")
    parser.add_argument("--seconds", type=float, default=5.0, help="deterministic solver time per instance")
    parser.add_argument("--only", default="", help="instances of this group only")
    parser.add_argument("--again", action="store_true", help="try instances without a proof once more")
    options = parser.parse_args(arguments)
    try:
        task = find_task(options.task)
        build(task, hidden=options.hidden, seconds=options.seconds, only=options.only, again=options.again)
    except UserError as error:
        hint = f": {error.hint}" if error.hint else ""
        sys.stderr.write(f"{error}{hint}\n")
        return 2
    return 0


def find_task(name: str) -> Task:
    tasks = {task.name: task for task in shipped_tasks() if task.domain == "schedulers"}
    if name not in tasks:
        raise UserError(f"no scheduling task {name!r}", hint=f"there is: {', '.join(sorted(tasks))}")
    return tasks[name]


def build(task: Task, *, hidden: bool, seconds: float, only: str = "", again: bool = False) -> None:
    """Writes after every instance; instances that are known already are kept. Raises UserError."""
    if find_spec("ortools") is None:
        raise UserError("OR-tools is not installed", hint='pip install "nightforge[schedulers]"')
    settings = read_settings(task)
    problem = load_problem(settings.problem)
    if not isinstance(problem, OfflineProblem):
        raise UserError(f"{task.name}: its references are not made by CP-SAT", hint="see docs/schedulers.md")
    path = hidden_references_file(task.name) if hidden else task.root / REFERENCES_FILE
    known = parse_references(path) if path.exists() else {}
    instances = _instances(problem, task, settings, hidden=hidden)
    rows = {one.digest: known[one.digest].model_dump() for one in instances if one.digest in known}
    for instance in instances:
        before = known.get(instance.digest)
        is_done = before is not None and (before.cost == before.proven or not again)
        if is_done or (only and instance.group != only):
            continue
        value, bound, source = refer(problem, task, settings, instance, seconds)
        if before is not None:
            bound = max(bound, before.proven)
            if before.cost <= value:
                value, source = before.cost, before.source
        rows[instance.digest] = {"instance": instance.name, "value": str(value), "bound": str(bound), "source": source}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(rows), encoding="utf-8")
        sys.stdout.write(f"{instance.name}: {value} (bound {bound}, {source})\n")
        sys.stdout.flush()


def _instances(problem: OfflineProblem, task: Task, settings: SchedulerSettings, *, hidden: bool) -> Sequence[Instance]:
    if hidden:
        seeds = seeds_of(hidden_seed(task.name), settings.hidden_draws)
        return [instance for seed in seeds for instance in problem.generate(Split.HIDDEN, seed)]
    return [
        *problem.generate(Split.TRAIN, settings.train_seed),
        *problem.generate(Split.VALIDATION, settings.validation_seed),
    ]


def _text(rows: Mapping[str, Mapping[str, str]]) -> str:
    """One line per instance."""
    lines = [f"{json.dumps(digest)}: {json.dumps(row)}" for digest, row in rows.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def refer(
    problem: OfflineProblem, task: Task, settings: SchedulerSettings, instance: Instance, seconds: float
) -> tuple[Cost, Cost, str]:
    """Best known cost, best proven bound, and who found the cost."""
    hint, rule = _best_human(problem, task, settings, instance)
    if problem.name == "txn-order":
        hint = _insertion_search(instance, integers(hint))
    known = problem.verify(instance, hint)
    found = _SOLVERS[problem.name](instance, hint, seconds)
    bound = max(problem.bound(instance), found.bound)
    value = known if found.answer is None else problem.verify(instance, found.answer)
    source = "cp-sat"
    if known <= value:
        value = known
        source = "insertion search" if problem.name == "txn-order" else rule
    if bound > value:
        raise UserError(f"{instance.name}: the solver's bound {bound} is above the verified cost {value}")
    return value, bound, source


def _best_human(
    problem: OfflineProblem, task: Task, settings: SchedulerSettings, instance: Instance
) -> tuple[Json, str]:
    """The shipped rules run here, in this process: they are ours."""
    best: tuple[Cost, Json, str] | None = None
    driver: dict[str, Any] = {}
    if problem.driver:
        exec(problem.driver, driver)
    for rule in settings.baselines:
        loaded: dict[str, Any] = {}
        exec(task.read(rule.source), loaded)
        functions = [loaded[name] for name in problem.functions]
        answer: Json = driver["solve"](functions, instance.data) if driver else functions[0](instance.data)
        cost = problem.verify(instance, answer)
        if best is None or cost < best[0]:
            best = cost, answer, rule.name
    assert best is not None
    return best[1], best[2]


def _insertion_search(instance: Instance, order: list[int]) -> list[Json]:
    """Moves of one transaction to another place; kept unless worse."""
    random = Random(instance.digest)
    transactions = read_transactions(instance)
    cost = makespan(transactions, order)
    for _ in range(_MOVES):
        moved = list(order)
        moved.insert(random.randrange(len(order)), moved.pop(random.randrange(len(order))))
        other = makespan(transactions, moved)
        if other <= cost:
            order, cost = moved, other
    return list[Json](order)


def _solve(model: Any, seconds: float) -> tuple[Any, bool, int]:
    cp_model: Any = import_module("ortools.sat.python.cp_model")
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = seconds
    status = solver.solve(model)
    has_answer = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    bound = solver.best_objective_bound if status != cp_model.MODEL_INVALID else 0
    return solver, has_answer, max(0, -int(-(bound - 1e-6) // 1))


def _new_model() -> Any:
    return import_module("ortools.sat.python.cp_model").CpModel()


def _job_shop(instance: Instance, hint: Json, seconds: float) -> Found:
    jobs = [integer_rows(job) for job in _rows(instance.data["jobs"])]
    hints = integer_rows(hint)
    horizon = max(row[-1] + job[-1][1] for row, job in zip(hints, jobs, strict=True))
    model = _new_model()
    end = model.new_int_var(0, horizon, "end")
    machines: dict[int, list[Any]] = {}
    starts: list[list[Any]] = []
    for number, job in enumerate(jobs):
        row: list[Any] = []
        for at, (machine, duration) in enumerate(job):
            start = model.new_int_var(0, horizon, "")
            model.add_hint(start, hints[number][at])
            if row:
                model.add(start >= row[-1] + job[at - 1][1])
            machines.setdefault(machine, []).append(model.new_fixed_size_interval_var(start, duration, ""))
            row.append(start)
        model.add(end >= row[-1] + job[-1][1])
        starts.append(row)
    for intervals in machines.values():
        model.add_no_overlap(intervals)
    model.minimize(end)
    solver, has_answer, bound = _solve(model, seconds)
    return Found([[solver.value(start) for start in row] for row in starts] if has_answer else None, bound)


def _project(instance: Instance, hint: Json, seconds: float) -> Found:
    data = instance.data
    durations, demands = integers(data["durations"]), integer_rows(data["demands"])
    hints = integers(hint)
    horizon = max(start + duration for start, duration in zip(hints, durations, strict=True))
    model = _new_model()
    end = model.new_int_var(0, horizon, "end")
    starts = [model.new_int_var(0, horizon, "") for _ in durations]
    intervals = [
        model.new_fixed_size_interval_var(start, duration, "")
        for start, duration in zip(starts, durations, strict=True)
    ]
    for activity, followers in enumerate(integer_rows(data["successors"])):
        model.add_hint(starts[activity], hints[activity])
        model.add(end >= starts[activity] + durations[activity])
        for follower in followers:
            model.add(starts[follower] >= starts[activity] + durations[activity])
    for resource, capacity in enumerate(integers(data["capacities"])):
        model.add_cumulative(intervals, [row[resource] for row in demands], capacity)
    model.minimize(end)
    solver, has_answer, bound = _solve(model, seconds)
    return Found([solver.value(start) for start in starts] if has_answer else None, bound)


def _dag(instance: Instance, hint: Json, seconds: float) -> Found:
    costs, edges = integer_rows(instance.data["costs"]), integer_rows(instance.data["edges"])
    hints = integer_rows(hint)
    horizon = max(start + costs[task][place] for task, (place, start) in enumerate(hints))
    model = _new_model()
    end = model.new_int_var(0, horizon, "end")
    starts, ends, places = [], [], []
    lanes: list[list[Any]] = [[] for _ in costs[0]]
    for task, row in enumerate(costs):
        start, finish = model.new_int_var(0, horizon, ""), model.new_int_var(0, horizon, "")
        chosen: list[Any] = [model.new_bool_var("") for _ in row]
        model.add_exactly_one(chosen)
        model.add_hint(start, hints[task][1])
        for processor, cost in enumerate(row):
            interval = model.new_optional_interval_var(start, cost, finish, chosen[processor], "")
            lanes[processor].append(interval)
            model.add_hint(chosen[processor], hints[task][0] == processor)
        model.add(end >= finish)
        starts.append(start)
        ends.append(finish)
        places.append(chosen)
    for lane in lanes:
        model.add_no_overlap(lane)
    for one, other, transfer in edges:
        together = model.new_bool_var("")
        for here, there in zip(places[one], places[other], strict=True):
            model.add(here == there).only_enforce_if(together)
        model.add(starts[other] >= ends[one])
        model.add(starts[other] >= ends[one] + transfer).only_enforce_if(together.negated())
    model.minimize(end)
    solver, has_answer, bound = _solve(model, seconds)
    if not has_answer:
        return Found(None, bound)
    here = [[solver.value(one) for one in row].index(1) for row in places]
    answer: list[Json] = [[place, solver.value(start)] for place, start in zip(here, starts, strict=True)]
    return Found(answer, bound)


def _transactions(instance: Instance, hint: Json, seconds: float) -> Found:
    """Every pair that shares a key with a write has an order; orders must not run in a circle."""
    transactions = read_transactions(instance)
    order = integers(hint)
    ranks = {number: rank for rank, number in enumerate(order)}
    horizon = makespan(transactions, order)
    model = _new_model()
    end = model.new_int_var(0, horizon, "end")
    starts = [model.new_int_var(0, horizon, "") for _ in transactions]
    place = [model.new_int_var(0, len(transactions) - 1, "") for _ in transactions]
    for number, one in enumerate(transactions):
        model.add_hint(place[number], ranks[number])
        model.add(end >= starts[number] + len(one))
        for other in range(number):
            gaps = [
                (here - there + 1, there - here + 1)
                for here, (kind, key) in enumerate(one)
                for there, (other_kind, other_key) in enumerate(transactions[other])
                if key == other_key and kind + other_kind
            ]
            if not gaps:
                continue
            first = model.new_bool_var("")
            model.add_hint(first, ranks[number] < ranks[other])
            model.add(starts[other] >= starts[number] + max(gap for gap, _ in gaps)).only_enforce_if(first)
            model.add(place[other] > place[number]).only_enforce_if(first)
            model.add(starts[number] >= starts[other] + max(gap for _, gap in gaps)).only_enforce_if(first.negated())
            model.add(place[number] > place[other]).only_enforce_if(first.negated())
    model.minimize(end)
    solver, has_answer, bound = _solve(model, seconds)
    if not has_answer:
        return Found(None, bound)
    ranked = sorted((solver.value(rank), number) for number, rank in enumerate(place))
    return Found([number for _, number in ranked], bound)


def _rows(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


_SOLVERS = {"job-shop": _job_shop, "rcpsp": _project, "het-dag": _dag, "txn-order": _transactions}


if __name__ == "__main__":
    sys.exit(main())
