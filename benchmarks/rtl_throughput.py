"""Candidates per hour and core through the whole cascade of an RTL task, and where the CPU time goes, step by step.

    python -m benchmarks.rtl_throughput [--task mul8] [--candidates N] [--parent hand/dadda_kogge_stone.py] [--json]

Candidates are what the offline operators make of one of the task's generator programs. Seconds are CPU time of this
process and of its boxes, so that they say what a core would do that had nothing else to do. What a process
needs once (the engine's compilation, the golden model) is spent before the first candidate counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from benchmarks.kernel_throughput import first_generation
from evaluators.accelerators.elaborate import Elaborated
from evaluators.accelerators.mapping import RECIPES, Condition, Mapped
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.prove import Proof
from evaluators.accelerators.rtl_comb import RtlCombEvaluator
from evaluators.accelerators.rtl_flow import RtlFlow
from evaluators.accelerators.rtl_settings import RtlSettings
from nightforge.catalogue import find_task
from nightforge.domain.evidence import Evidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from sandbox import open_sandbox
from sandbox.spent import cpu_time_s

USUAL = "hand/dadda_kogge_stone.py"


class TimedFlow(RtlFlow):
    """The steps as they are, each with the CPU seconds that it took."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.cpu_s: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = cpu_time_s()
        try:
            yield
        finally:
            self.cpu_s[name] += cpu_time_s() - began

    async def text(self, source: str, *, wall_s: float) -> str:
        with self._step("generator and rules"):
            return await super().text(source, wall_s=wall_s)

    async def netlist(self, text: str, settings: RtlSettings, *, wall_s: float) -> Elaborated:
        with self._step("elaborate (yosys)"):
            return await super().netlist(text, settings, wall_s=wall_s)

    async def mapped(
        self, netlist: Netlist, condition: Condition, *, recipes: Collection[str] = RECIPES, wall_s: float
    ) -> tuple[Mapped, ...]:
        with self._step(f"map ({2 * len(recipes)} runs of ABC)"):
            return await super().mapped(netlist, condition, recipes=recipes, wall_s=wall_s)

    async def proof(self, golden: Netlist, netlist: Netlist, *, limit_s: float = 120.0, threads: int = 1) -> Proof:
        with self._step("prove"):
            return await super().proof(golden, netlist, limit_s=limit_s, threads=threads)


class TimedEvaluator(RtlCombEvaluator):
    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.timed = TimedFlow(sandbox)
        self._flow = self.timed


async def measure(task: Task, count: int, parent: str, seed: int) -> dict[str, object]:
    evaluator = TimedEvaluator(open_sandbox())
    parameters = {parameter.name: parameter.default for parameter in task.parameters}
    first, *sources = await first_generation(task, count + 1, seed, parent=task.read(parent))
    best: float | None = None
    seen: list[Evidence] = []
    began = 0.0
    for number, source in enumerate((first, *sources)):
        if number == 1:  # the first one has paid for what is needed once
            evaluator.timed.cpu_s.clear()
            began = cpu_time_s()
        evidence = await evaluator.evaluate(
            source, task, parameters, seed=secrets.randbits(63), phase=Phase.SEARCH, best_score=best
        )
        score = evidence.metrics.get(task.objective.metric)
        if evidence.passed and score is not None:
            best = max(best if best is not None else -score.value, -score.value)
        seen.append(evidence)
    return told(task, seen[1:], cpu_time_s() - began, evaluator.timed.cpu_s)


def told(task: Task, seen: Sequence[Evidence], cpu: float, steps: dict[str, float]) -> dict[str, object]:
    each = {name: spent / len(seen) for name, spent in steps.items()}
    each["our own Python, vectors"] = cpu / len(seen) - sum(each.values())
    return {
        "task": task.name,
        "candidates": len(seen),
        "cpu_s_each": round(cpu / len(seen), 3),
        "per_hour_and_core": round(3600 * len(seen) / max(cpu, 1e-9)),
        "steps_cpu_s_each": {name: round(spent, 4) for name, spent in each.items()},
        "ends": dict(Counter("measured" if one.failure is None else one.failure.reason for one in seen)),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="candidates per hour and core through the cascade of an RTL task")
    parser.add_argument("--task", default="mul8")
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--parent", default="", help=f"a generator program of the task's; {USUAL} or the last by name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    task = find_task(given.task)
    hands = sorted(path.relative_to(task.root).as_posix() for path in task.root.glob("hand/*.py"))
    parent = given.parent or (USUAL if USUAL in hands else next(reversed(hands), ""))
    if not parent:
        parser.error(f"task {task.name} has no hand design: name a generator by --parent")
    found = asyncio.run(measure(task, given.candidates, parent, given.seed))
    if given.json:
        print(json.dumps(found))
        return 0
    print(
        f"{found['task']}: {found['candidates']} candidates, {found['cpu_s_each']} s of CPU time each (load "
        f"{found['load']}): {found['per_hour_and_core']} an hour and core"
    )
    steps = found["steps_cpu_s_each"]
    assert isinstance(steps, dict)
    for name, spent in steps.items():
        print(f"  {name:<26} {spent:>7.3f} s")
    print(f"ended as: {found['ends']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
