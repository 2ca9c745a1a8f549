"""A database as after some nights, made through the store: for looking at pages, for their tests and pictures.

    python -m benchmarks.seeded --home DIR [--candidates 10000]

Campaigns: a kernel searched by two models with so many candidates, a multiplier (area and delay), a scheduling rule
(with Gantt charts), one that waits for approval, one that failed. The numbers are drawn, never measured: nothing of
this may be shown as a result.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from bisect import bisect
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.seeded_hardware import multiplier
from benchmarks.seeded_nights import Night, PassingClock, confirm, interval, minimise, open_night
from benchmarks.seeded_programs import kernel_program
from benchmarks.seeded_rules import schedule
from nightforge.domain.archive import CAMPAIGN, ArchiveChange, Arm, Progress, Resident, Trial
from nightforge.domain.candidate import Choice, Verdict
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.model import CallKey, CallState, Message, Usage
from nightforge.domain.plan import Budget, ModelSpec, Plan, SearchSpec
from nightforge.domain.task import Objective
from nightforge.domain.words import (
    CampaignState,
    CandidateState,
    Direction,
    OperatorKind,
    Outcome,
    Phase,
    Role,
    SandboxTier,
    TeamKind,
)
from nightforge.store import SqlStore, open_store

AT_ONCE = 64
CALLS_KEPT = 400
"""Candidates of the kernel whose prompts and replies are stored."""
ISLANDS = 4
OPERATORS = ("tune", "unroll", "vector-pragmas", "crossover", "split-accumulators", "stream-store", "")
MODELS = ("large-coder", "small-coder")
FAILURES = (
    ("correctness", Outcome.FAIL, "wrong_output", "length 4099, distribution 'one large': 3 of 4099 values differ"),
    ("compile", Outcome.FAIL, "compile_error", "candidate.c:23:14: error: 'vmax' undeclared (first use here)"),
    ("quick", Outcome.FAIL, "slower", "1.71 times the parent's time in 3 rounds"),
    ("gate", Outcome.FAIL, "forbidden_import", "imports `clock_gettime`, which is not on the library's list"),
    ("smoke", Outcome.TIMEOUT, "timeout", "no answer after 5 s"),
)
IDEAS = (0.012, 0.05, 0.11, 0.2, 0.33, 0.52, 0.78)
"""When in the night the kernel takes a step, as a share of its candidates."""
HINT = "Try keeping the exponent sum in a second register; the divide dominates now."


async def seed(home: Path, *, candidates: int = 10_000, ends: datetime | None = None) -> dict[str, str]:
    """Name of each campaign → its id. `ends` is when the last night ended (now)."""
    ends = ends or datetime.now(UTC)
    clock = PassingClock(ends - timedelta(days=3))
    store = open_store(f"sqlite:///{home / 'nightforge.db'}", clock=clock)
    try:
        made = {"failed": await _failed(store, clock)}
        clock.at = ends - timedelta(days=2)
        made["schedule"] = await schedule(store, clock, min(candidates, 160))
        clock.at = ends - timedelta(days=1)
        made["multiplier"] = await multiplier(store, clock, min(candidates, 600))
        clock.at = ends - timedelta(hours=8)
        made["kernel"] = await _kernel(store, clock, candidates, timedelta(hours=8))
        clock.at = ends - timedelta(minutes=4)
        made["stalled"] = await _planned(store, "A faster softmax for tomorrow's rows")
        made["planned"] = await _planned(store, kernel_plan(400).goal)
        await store.save_document(made["planned"], "calibration", KERNEL_CALIBRATION)
    finally:
        await store.close()
    return made


async def one_kernel(store: SqlStore, clock: PassingClock, candidates: int) -> str:
    """The kernel's campaign alone; its id."""
    return await _kernel(store, clock, candidates, timedelta(hours=8))


# ---- the kernel


def kernel_plan(candidates: int) -> Plan:
    return Plan(
        goal="Make softmax over one row of 16 million floats faster than the C library's fast-math on this CPU",
        task="softmax-long",
        parameters={"n": 16777216, "dtype": "float32", "threads": 1},
        objectives=(
            Objective(metric="speedup", unit="x", direction=Direction.MAX, title="CPU time of c-fast over its"),
        ),
        budget=Budget(evaluations=int(candidates * 1.25), cost_usd=10.0, wall_s=10 * 3600),
        search=SearchSpec(preset="team", evaluation_slots=4, confirm_top=5),
        team=TeamKind.LLM,
        models=(
            ModelSpec(
                model=MODELS[0], base_url="http://localhost:8000/v1", input_usd_per_mtok=1, output_usd_per_mtok=4
            ),
            ModelSpec(
                model=MODELS[1], base_url="http://localhost:8000/v1", input_usd_per_mtok=0.1, output_usd_per_mtok=0.4
            ),
        ),
    )


KERNEL_CALIBRATION = Calibration(
    baselines=(
        Baseline(
            name="c-fast", title="C fast-math", metrics={"speedup": interval(1.0, "x"), "cpu_ms": interval(8.7, "ms")}
        ),
        Baseline(
            name="torch",
            title="torch, fair malloc",
            metrics={"speedup": interval(0.8, "x"), "cpu_ms": interval(10.9, "ms")},
        ),
        Baseline(name="numpy", title="numpy", metrics={"speedup": interval(0.31, "x"), "cpu_ms": interval(28.1, "ms")}),
    ),
    reference="c-fast",
    noise=Metric(value=0.008, unit=""),
    band=0.02,
    room=1.83,
    room_reason="three passes over memory at the copy roof",
    roof={"cpu_ms": interval(4.75, "ms"), "bandwidth": Metric(value=28.2, unit="GB/s", samples=15)},
    machine={"cpu": "16 cores, AVX-512", "kernel": "6.1"},
    seconds_per_evaluation=9.5,
)


async def _kernel(store: SqlStore, clock: PassingClock, candidates: int, lasts: timedelta) -> str:
    night = await open_night(store, clock, kernel_plan(candidates), KERNEL_CALIBRATION, "ann")
    night.length = candidates
    step = lasts / candidates
    for first in range(0, candidates - 4, AT_ONCE):
        chosen = range(first, min(first + AT_ONCE, candidates - 4))
        if first == AT_ONCE * 2:
            await store.give_hint(night.campaign_id, HINT, owner="ann")
        for ordinal in chosen:
            await _open_one(night, ordinal)
        await asyncio.gather(*(_kernel_candidate(night, ordinal) for ordinal in chosen))
        clock.at += step * len(chosen)
        await _archive(night, chosen)
        await store.add_active_time(night.campaign_id, (step * len(chosen)).total_seconds())
    await confirm(night, "speedup", "x")
    await minimise(night)
    for ordinal in range(store.next_ordinal(night.campaign_id), candidates):
        await _open_one(night, ordinal)
        state = CandidateState.EVALUATING if ordinal % 2 else CandidateState.BUILDING
        source = kernel_program(night.chance, night.sources[0])
        await store.save_code(
            night.campaign_id, ordinal, source, attempt=0, operator=OperatorKind.TUNE, operator_name="tune", state=state
        )
    return night.campaign_id


async def _open_one(night: Night, ordinal: int) -> None:
    parents = night.parents(ordinal)
    choice = (
        Choice(
            parents=parents,
            operator=OperatorKind.DIFF if ordinal % 3 else OperatorKind.TUNE,
            model=MODELS[ordinal % 2] if ordinal % 3 else "",
            island=ordinal % ISLANDS,
            reason="stagnation on the island: another approach" if ordinal % 397 == 0 else "",
        )
        if ordinal
        else None
    )
    await night.store.open_candidate(night.campaign_id, ordinal, parents=parents, choice=choice)
    if ordinal % 397 == 0 and ordinal:
        words = {"operator": "full", "hint": "one pass with block-wise rescaling", "reason": "stagnation on island 2"}
        await night.store.append_event(night.campaign_id, "planner.decision", dict(words), ordinal=ordinal)


async def _kernel_candidate(night: Night, ordinal: int) -> None:
    store, campaign_id = night.store, night.campaign_id
    chance = Random(f"{night.plan.goal} {ordinal}")
    parents = store.candidate(campaign_id, ordinal).parents
    parent = parents[0] if parents else 0
    source = kernel_program(chance, night.sources.get(parent)) if ordinal else kernel_program(chance, None)
    name = OPERATORS[ordinal % len(OPERATORS)] if ordinal else ""
    kind = (OperatorKind.DIFF if name == "" else OperatorKind.REWRITE) if ordinal else None
    if name == "" and ordinal < CALLS_KEPT:
        await _calls(night, ordinal, source)
    note = "" if not ordinal else NOTES[chance.randrange(len(NOTES))]
    await store.save_code(
        campaign_id,
        ordinal,
        source,
        attempt=0,
        operator=kind,
        operator_name=name or ("model" if kind else "seed"),
        note=note,
        state=CandidateState.EVALUATING,
    )
    night.sources[ordinal] = source
    if ordinal and chance.random() < 0.17:
        await _fail(night, ordinal, chance)
        return
    before = night.values.get(parent, 1.0)
    ideas = bisect(IDEAS, ordinal / night.length)
    reach = 1.0 + 0.72 * (1.0 - math.exp(-0.45 * ideas)) - chance.expovariate(40.0)
    value = 1.0 if not ordinal else min(reach, max(0.3, before + chance.gauss(-0.05, 0.06)))
    evidence = kernel_evidence(chance, value)
    await store.save_evidence(campaign_id, ordinal, evidence, attempt=0, score=value, score_low=value * 0.988)
    if ordinal and ordinal % 2111 == 0:
        await store.finish_candidate(
            campaign_id,
            ordinal,
            CandidateState.SUSPICIOUS,
            reason="below_roof",
            verdict=Verdict(suspicion="three times the copy roof: the output may be taken from the last call"),
        )
        return
    verdict = Verdict(
        bottleneck="memory: 88 % of the copy roof",
        next_step="one pass with block-wise rescaling saves the first read of the row",
        summary="Two passes with streaming stores. What is left is the first read.",
    )
    night.values[ordinal] = value
    await store.finish_candidate(
        campaign_id, ordinal, CandidateState.MEASURED, verdict=verdict if ordinal % 5 == 0 else None
    )


NOTES = (
    "two-pass (mantissa, exponent) sum",
    "unroll 8, prefetch 512 B",
    "streaming stores in the last pass",
    "four accumulators for the sum",
    "BLOCK 4096 -> 16384",
    "polynomial of degree 5 for exp2",
    "vec512 with fast-math",
    "reciprocal multiplied instead of divided",
)


def kernel_evidence(chance: Random, value: float, *, phase: Phase = Phase.SEARCH) -> Evidence:
    tools = {"gcc": "12.2.0", "worker": "1"}
    seed_of = chance.getrandbits(60)
    metrics = {
        "speedup": interval(value, "x"),
        "speedup.torch": interval(value * 1.25, "x"),
        "cpu_ms": interval(8.7 / value, "ms"),
        "wall_ms": interval(8.9 / value, "ms"),
        "roof_pct": Metric(value=54.6 * value, unit="%"),
        "distinguishable": Metric(value=1.0),
    }
    error = Metric(value=chance.uniform(0.05, 0.6), unit="of tolerance")
    names = ["parse", "compile", "gate", "smoke", "correctness", "quick", "full"]
    lasts = [0.01, 0.9, 0.1, 0.2, 1.4, 0.6, 4.4]
    stages = [
        StageEvidence(
            stage=name,
            outcome=Outcome.PASS,
            duration_s=seconds,
            tools=tools if name in {"compile", "full"} else {},
            seed=seed_of if name in {"correctness", "full"} else None,
            metrics={"error": error}
            if name == "correctness"
            else {"build_s": Metric(value=0.9, unit="s")}
            if name == "compile"
            else {},
        )
        for name, seconds in zip(names, lasts, strict=True)
    ]
    last = "confirm" if phase is Phase.CONFIRMATION else "full"
    words = f"{8.7 / value:.3f} ms against 8.700 ms in the same rounds; largest error {error.value:.2f} of tolerance"
    stages[-1] = stages[-1].model_copy(update={"stage": last, "metrics": metrics, "feedback": words})
    return Evidence(tier=SandboxTier.BUBBLEWRAP, phase=phase, stages=tuple(stages))


async def _fail(night: Night, ordinal: int, chance: Random) -> None:
    weights = (96, 60, 41, 17, 4)
    stage, outcome, reason, said = chance.choices(FAILURES, weights)[0]
    before = ["parse", "compile", "gate", "smoke", "correctness", "quick"]
    passed = before[: before.index(stage)]
    stages = [StageEvidence(stage=name, outcome=Outcome.PASS, duration_s=0.4) for name in passed]
    stages.append(StageEvidence(stage=stage, outcome=outcome, reason=reason, feedback=said, duration_s=0.8))
    evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=tuple(stages))
    await night.store.save_evidence(night.campaign_id, ordinal, evidence, attempt=0)
    await night.store.finish_candidate(night.campaign_id, ordinal, CandidateState.REJECTED, reason=reason)


async def _calls(night: Night, ordinal: int, source: str) -> None:
    steps = (
        ("plan_step", Role.PLANNER, "Next: fewer passes over memory."),
        ("code", Role.CODER, f"```c\n{source}\n```"),
    )
    for step, role, reply in steps:
        key = CallKey(campaign_id=night.campaign_id, ordinal=ordinal, step=step, role=role)
        prompt = [
            Message(role="system", content="You write fast kernels in C. Answer with one block of code. " * 12),
            Message(
                role="user", content=f"Improve this program.\n\n```c\n{source}\n```\nIts evidence: 88 % of the roof."
            ),
        ]
        model = MODELS[ordinal % 2]
        call = await night.store.open_call(key, f"{ordinal:032x}{role:>032.32}", prompt, model=model, reserved_usd=0.01)
        usage = Usage(tokens_in=1900 + ordinal, tokens_out=640)
        await night.store.close_call(
            call.call_id, CallState.ANSWERED, reply_text=reply, usage=usage, cost_usd=0.0089, latency_s=11.3
        )


async def _archive(night: Night, ordinals: range) -> None:
    """Rewards, islands, cells: as a policy leaves them, bounded."""
    store, chance = night.store, night.chance
    kept = sorted(night.values, key=lambda one: -night.values[one])[:64]
    arrivals = [Resident(one % ISLANDS, one, f"{6 + one % 7}", night.values[one]) for one in kept if one in ordinals]
    arms = [
        Arm(model, kind, 40 + at * 13 + ordinals[-1] // 9, 6.0 + at * 2.5, 14.0 - at, 0.004 * (3 - at % 2 * 2))
        for at, (model, kind) in enumerate(
            (m, k) for m in (*MODELS, "") for k in ("diff", "full", "crossover", "tune")[: 4 if not m else 3]
        )
    ]
    best = max(night.values.values(), default=1.0)
    progress = [
        Progress(island, ordinals[-1] // ISLANDS, best - 0.04 * island, 0.01 * (4 - island), 0.02, 30 + 60 * island, 0)
        for island in range(ISLANDS)
    ]
    progress.append(Progress(CAMPAIGN, ordinals[-1] + 1, best, 0.02, 0.02, chance.randrange(40), 0))
    for ordinal in ordinals:
        trial = Trial(ordinal, ordinal % ISLANDS, f"{MODELS[ordinal % 2]}/diff", chance.random(), 0.004)
        last = ordinal == ordinals[-1]
        change = ArchiveChange(trial, progress if last else (), arms if last else (), arrivals if last else ())
        await store.save_trial(night.campaign_id, change)


# ---- those without candidates


async def _planned(store: SqlStore, goal: str) -> str:
    """Without baselines its card cannot be shown: the measuring died."""
    plan = kernel_plan(400).model_copy(update={"goal": goal})
    return (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP, owner="ann")).campaign_id


async def _failed(store: SqlStore, clock: PassingClock) -> str:
    plan = kernel_plan(50).model_copy(
        update={"goal": "A faster axpy", "task": "axpy", "models": (), "team": TeamKind.OFFLINE}
    )
    night = await open_night(store, clock, plan, KERNEL_CALIBRATION, "ann")
    await _open_one(night, 0)
    await _kernel_candidate(night, 0)
    words = "the evaluator failed three times in a row: gcc is not installed"
    await store.set_campaign_state(night.campaign_id, CampaignState.FAILED, reason=words)
    return night.campaign_id


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--candidates", type=int, default=10_000)
    options = parser.parse_args()
    start = time.perf_counter()
    for name, campaign_id in (await seed(options.home, candidates=options.candidates)).items():
        print(f"{campaign_id}  {name}")
    print(f"made in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    asyncio.run(main())
