"""Candidates per hour and core through the full cascade of a kernel task, and where the time goes, stage by stage.

    python -m benchmarks.kernel_throughput [--task NAME] [--candidates N] [--json]

Candidates are what the offline operators make of the seed, in the coder's order: those of a real first generation.
Wall time is that of the stages; CPU time is that of this process and all that it started, so that it says what a core
would do that had nothing else to do. On a busy machine the two lie far apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random

from agents.offline.coder import OfflineCoder
from evaluators.kernels.calibrate import machine_facts
from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.catalogue import find_task
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.team import Draft, Program, StepContext
from nightforge.domain.words import Phase
from sandbox import open_sandbox
from sandbox.spent import cpu_time_s


async def first_generation(task: Task, count: int, seed: int, *, parent: str = "") -> list[str]:
    """`parent`, or the seed, then what the offline coder writes of it, each text once."""
    coder, known = OfflineCoder(), [parent or task.read(task.seed)]
    context = StepContext(
        campaign_id="bench",
        ordinal=1,
        goal=task.goal,
        task=task.name,
        language=task.language,
        brief="",
        objective=task.objective,
        parent=Program(ordinal=0, source=known[0]),
        seed=seed,
    )
    for ordinal in range(1, count):
        here = context.model_copy(update={"ordinal": ordinal, "seed": seed + ordinal})
        made = await coder.write(here, random=Random(seed + ordinal), is_known=known.__contains__)
        if not isinstance(made, Draft):
            break
        known.append(made.source)
    return known


async def measure(task: Task, count: int, seed: int) -> dict[str, object]:
    evaluator = KernelEvaluator(open_sandbox())
    parameters = {parameter.name: parameter.default for parameter in task.parameters}
    calibration = await evaluator.calibrate(task, parameters, seed=secrets.randbits(63))
    sources = await first_generation(task, count, seed)
    seen: list[Evidence] = []
    best: float | None = None
    wall, cpu = time.perf_counter(), cpu_time_s()
    for source in sources:
        evidence = await evaluator.evaluate(
            source,
            task,
            parameters,
            seed=secrets.randbits(63),
            phase=Phase.SEARCH,
            calibration=calibration,
            best_score=best,
        )
        seen.append(evidence)
        score = evidence.metrics.get(task.objective.metric)
        if evidence.passed and score is not None:
            best = max(best or score.value, score.value)
    wall, cpu = time.perf_counter() - wall, cpu_time_s() - cpu
    return told(task, seen, wall, cpu)


def told(task: Task, seen: Sequence[Evidence], wall: float, cpu: float) -> dict[str, object]:
    seconds: defaultdict[str, float] = defaultdict(float)
    reached: Counter[str] = Counter()
    for evidence in seen:
        for stage in evidence.stages:
            seconds[stage.stage] += stage.duration_s
            reached[stage.stage] += 1
    inside = sum(seconds.values())
    ends = Counter("measured" if one.failure is None else one.failure.reason for one in seen)
    return {
        "task": task.name,
        "candidates": len(seen),
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "per_hour_now": round(3600 * len(seen) / wall),
        "per_hour_and_core": round(3600 * len(seen) / max(cpu, 1e-9)),
        "stages": {
            name: {"reached": reached[name], "mean_s": round(spent / reached[name], 3), "share": round(spent / wall, 3)}
            for name, spent in seconds.items()
        },
        "between_stages_share": round(1 - inside / wall, 3),
        "ends": dict(ends),
        "load": round(os.getloadavg()[0], 1),
        "machine": machine_facts(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="candidates per hour and core through the full cascade")
    parser.add_argument("--task", default="softmax-long")
    parser.add_argument("--candidates", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = asyncio.run(measure(find_task(given.task), given.candidates, given.seed))
    if given.json:
        print(json.dumps(found))
        return 0
    print(
        f"{found['task']}: {found['candidates']} candidates in {found['wall_s']} s wall, {found['cpu_s']} s CPU "
        f"(load {found['load']})\n{found['per_hour_now']} an hour now, {found['per_hour_and_core']} an hour and core"
    )
    stages = found["stages"]
    assert isinstance(stages, dict)
    for name, row in stages.items():
        reached = f"reached by {row['reached']:>3}, {row['mean_s']:>7.3f} s each"
        print(f"  {name:<12} {reached}, {row['share']:>6.1%} of the wall")
    print(f"  {'between':<12} {'':<27}{found['between_stages_share']:>6.1%}\nended as: {found['ends']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
