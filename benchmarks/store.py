"""What one candidate costs the store: CPU and bytes for its commits, at several sizes of the database.

    python -m benchmarks.store [--sizes 0,1000,100000] [--measure 500] [--folder DIR] [--url URL] [--calls]

A candidate is six commits: open, code, state, evidence (three stages), verdict, finish; `--calls` adds one model call
(two commits) whose prompt shares its system message with all others. Preloading doubles the rows in SQL. Prints a
table: medians over the measured candidates, CPU of the whole process (both threads), bytes as growth of the file.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import create_engine, text

from benchmarks.growth import grow
from nightforge.domain.candidate import Verdict
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.model import CallKey, CallState, Message, Usage
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import CandidateState, Direction, OperatorKind, Outcome, Role, SandboxTier
from nightforge.store import SqlStore, open_store
from tools.clock import SystemClock

PLAN = Plan(
    goal="benchmark",
    task="softmax-long",
    objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
    budget=Budget(evaluations=1),
)
SYSTEM = "You improve programs. " * 200
LINE = "    for (long i = {a}; i < n; i += {b}) acc{c} += expf(row[i + {d}] - peak);\n"


def program(chance: random.Random) -> str:
    """About 2 kB of C that no other candidate shares."""
    draw = chance.randrange
    body = "".join(LINE.format(a=draw(9), b=draw(64), c=draw(16), d=draw(999)) for _ in range(26))
    return f"/* {chance.random()} */\nvoid softmax(const float *row, float *out, long n) {{\n{body}}}\n"


def evidence(chance: random.Random) -> tuple[Evidence, float]:
    speedup = chance.gauss(1.0, 0.2)
    tools = {"gcc": "12.2.0", "worker": "1"}

    def metric(value: float, unit: str) -> Metric:
        return Metric(value=value, unit=unit, low=value * 0.99, high=value * 1.01, samples=15)

    metrics = {
        "speedup": metric(speedup, "x"),
        "speedup.c-fast": metric(speedup, "x"),
        "speedup.numpy": metric(speedup * 3, "x"),
        "cpu_ms": metric(20 / speedup, "ms"),
        "wall_ms": metric(21 / speedup, "ms"),
        "distinguishable": Metric(value=1.0),
    }
    stages = (
        StageEvidence(stage="build", outcome=Outcome.PASS, duration_s=0.4, tools=tools),
        StageEvidence(stage="check", outcome=Outcome.PASS, duration_s=1.2, seed=chance.getrandbits(60), tools=tools),
        StageEvidence(
            stage="measure",
            outcome=Outcome.PASS,
            duration_s=4.5,
            seed=chance.getrandbits(60),
            metrics=metrics,
            tools=tools,
            feedback=f"{20 / speedup:.3f} ms against 20.000 ms; the largest error is {chance.random():.2e}",
        ),
    )
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=stages), speedup


async def one_candidate(store: SqlStore, campaign: str, ordinal: int, chance: random.Random, *, calls: bool) -> None:
    parents = [parent.ordinal for parent in store.parents(campaign, limit=8)[:2]]
    await store.open_candidate(campaign, ordinal, parents=parents)
    source = program(chance)
    if calls:
        key = CallKey(campaign_id=campaign, ordinal=ordinal, step="code", role=Role.CODER)
        prompt = [Message(role="system", content=SYSTEM), Message(role="user", content="Improve:\n" + program(chance))]
        call = await store.open_call(key, f"{ordinal:064x}", prompt, model="m", reserved_usd=0.01)
        usage = Usage(tokens_in=2000, tokens_out=700)
        await store.close_call(call.call_id, CallState.ANSWERED, reply_text=source, usage=usage, cost_usd=0.005)
    sha = await store.save_code(
        campaign,
        ordinal,
        source,
        attempt=0,
        operator=OperatorKind.REWRITE,
        operator_name="rewrite.unroll",
        note="unrolled the inner loop by 8",
        state=CandidateState.EVALUATING,
    )
    if store.owner_of(campaign, sha) != ordinal:
        raise AssertionError("the benchmark's programs are all different")
    seen, score = evidence(chance)
    await store.save_evidence(campaign, ordinal, seen, attempt=0, score=score, score_low=score * 0.99)
    words = Verdict(bottleneck="expf", next_step="try a polynomial")
    await store.finish_candidate(campaign, ordinal, CandidateState.MEASURED, verdict=words)


def size_of(url: str, file: Path | None) -> int:
    if file is not None:
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        engine.dispose()
        return file.stat().st_size
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    engine.dispose()
    return int(size)


async def measure(store: SqlStore, campaign: str, count: int, *, calls: bool) -> tuple[float, float, float]:
    """Medians in ms: CPU and wall of a candidate; CPU of a look at the tally and the first 20."""
    cpu, wall, look = [], [], []
    first = store.next_ordinal(campaign)
    chance = random.Random(f"measure {first}")
    for ordinal in range(first, first + count):
        cpu_start, start = time.process_time(), time.perf_counter()
        await one_candidate(store, campaign, ordinal, chance, calls=calls)
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - start)
        if ordinal % 20 == 0:
            start = time.process_time()
            store.tally(campaign)
            store.ranked(campaign, limit=20)
            look.append(time.process_time() - start)
    return statistics.median(cpu) * 1e3, statistics.median(wall) * 1e3, statistics.median(look) * 1e3


async def fill(file: Path, candidates: int) -> None:
    """A new database with one campaign of so many candidates."""
    store = open_store(f"sqlite:///{file}", clock=SystemClock())
    campaign = (await store.create_campaign(PLAN, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    chance = random.Random("fill")
    for ordinal in range(min(candidates, 100)):
        await one_candidate(store, campaign, ordinal, chance, calls=False)
    await store.close()
    grow(f"sqlite:///{file}", 1, candidates)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="0,1000,10000")
    parser.add_argument("--measure", type=int, default=500)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--url", default="")
    parser.add_argument("--calls", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        file = None if options.url else Path(folder) / "bench.db"
        url = options.url or f"sqlite:///{file}"
        store = open_store(url, clock=SystemClock())
        campaign = (await store.create_campaign(PLAN, tier=SandboxTier.BUBBLEWRAP)).campaign_id
        print(f"{'rows':>9} {'CPU ms':>8} {'wall ms':>8} {'look ms':>8} {'bytes':>8}   per candidate, medians")
        for size in (int(each) for each in options.sizes.split(",")):
            start = time.perf_counter()
            if size:
                grow(url, 1, size)
            loaded_s = time.perf_counter() - start
            before = size_of(url, file)
            cpu, wall, look = await measure(store, campaign, options.measure, calls=options.calls)
            grown = (size_of(url, file) - before) / options.measure
            print(f"{size:>9} {cpu:>8.2f} {wall:>8.2f} {look:>8.2f} {grown:>8.0f}   preloaded in {loaded_s:.0f} s")
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
