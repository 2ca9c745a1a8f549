"""What each page costs the server, at several sizes of a campaign, on SQLite and on PostgreSQL.

    python -m benchmarks.pages [--sizes 10000,1000000] [--databases sqlite,postgresql] [--runs 7] [--folder DIR]

One campaign of the seeded kernel (`benchmarks.seeded`), doubled in SQL. Pages are asked for in this process, through
the whole application and without a network. Prints milliseconds (the least of the runs, and of the first one, with
nothing kept in the process), CPU of this process, kilobytes, and what the largest size costs over the smallest.
PostgreSQL is a private server with the settings it comes with, but for fsync. Making a million takes minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import text

from benchmarks.growth import engine_of, grow
from benchmarks.private_postgres import NotHere, new_database, private_server
from benchmarks.seeded import one_kernel
from benchmarks.seeded_nights import PassingClock
from nightforge.domain.words import SandboxTier
from nightforge.settings import Settings
from nightforge.store import open_store
from nightforge.web.app import create_app
from tools.clock import SystemClock

WRITTEN = 1000
"""Candidates that are written one by one; the others are copies."""
ADDRESS = "http://127.0.0.1:8765"


@dataclass(frozen=True)
class Cost:
    milliseconds: float
    """The least of the later looks: what else runs on the machine only adds."""
    cpu: float
    """Of this process meanwhile: what is left of it on a busy machine. PostgreSQL's own is not in it."""
    first: float
    """Of the first look, with nothing cached in the process."""
    kilobytes: float


class Idle:
    """Starts nothing: pages are looked at only."""

    def tier(self) -> SandboxTier:
        return SandboxTier.BUBBLEWRAP

    def watch(self, campaign_id: str, *, afresh: bool) -> str:
        raise AssertionError(campaign_id)

    def prepare(self, campaign_id: str) -> str:
        raise AssertionError(campaign_id)


def addresses(named: str, size: int) -> dict[str, str]:
    """Page → its address; deep places and filters that find nothing among them."""
    home, middle = f"/c/{named}", size // 2
    listed = f"{home}/candidates"
    return {
        "campaigns": "/",
        "campaign": home,
        "course.json": f"{home}/course.json",
        "candidates": listed,
        "candidates, 200 rows": f"{listed}?rows=200",
        "candidates, from the middle": f"{listed}?after=measured:1.2:{middle}",
        "candidates, worst first": f"{listed}?sort=worst",
        "candidates, rejected": f"{listed}?state=rejected",
        "candidates, all, middle": f"{listed}?state=all&after={middle}",
        "candidates, one operator": f"{listed}?operator=unroll",
        "candidates, rejected, rare": f"{listed}?state=rejected&reason=timeout",
        "candidates, words, no find": f"{listed}?q=no+such+words",
        "candidates, starred": f"{listed}?state=starred",
        "candidate, first": f"{home}/7",
        "candidate, last": f"{home}/{size - 9}",
        "prompts": f"{home}/6/prompts",
        "compare": f"{home}/compare?with=7,{middle},{size - 9}",
        "lineage": f"{home}/lineage",
        "lineage of one": f"{home}/lineage?at={size - 9}",
        "events.json, middle": f"{home}/events.json?after={3 * size}",
        "report": f"{home}/report",
    }


async def make(url: str) -> str:
    ends = datetime.now(UTC)
    clock = PassingClock(ends - timedelta(hours=8))
    store = open_store(url, clock=clock)
    try:
        return await one_kernel(store, clock, WRITTEN)
    finally:
        await store.close()


async def measure(url: str, home: Path, named: str, size: int, runs: int) -> dict[str, Cost]:
    clock = SystemClock()
    store = open_store(url, clock=clock)
    try:
        settings = Settings(home=home, database_url=url, owner="bench")
        application = create_app(settings, store=store, clock=clock, starter=Idle(), secret=b"s" * 32)
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=600) as client:
            return {page: await _ask(client, address, runs) for page, address in addresses(named, size).items()}
    finally:
        await store.close()


async def _ask(client: httpx.AsyncClient, address: str, runs: int) -> Cost:
    took, used, size = [], [], 0
    for _ in range(runs + 1):
        gc.collect()
        start, began = time.perf_counter(), time.process_time()
        answer = await client.get(address, headers={"accept-encoding": "identity"})
        took.append((time.perf_counter() - start) * 1e3)
        used.append((time.process_time() - began) * 1e3)
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code} {answer.text[:300]}")
        size = len(answer.content)
    return Cost(min(took[1:]), min(used[1:]), took[0], size / 1e3)


def rows_of(url: str) -> str:
    engine = engine_of(url)
    with engine.connect() as connection:
        counts = [
            connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("candidate", "stage", "event")
        ]
    engine.dispose()
    return "{:,} candidates, {:,} stages, {:,} events".format(*counts)


def show(columns: Sequence[str], found: Sequence[dict[str, Cost]]) -> None:
    print(f"\n{'':<28}" + "".join(f"{name:>24}" for name in columns))
    print(f"{'page':<28}" + f"{'ms':>8}{'CPU ms':>8}{'first':>8}" * len(found) + f"{'kB':>7}{'CPU, last/first':>17}")
    for page in found[0]:
        costs = [one[page] for one in found]
        cells = "".join(f"{cost.milliseconds:>8.0f}{cost.cpu:>8.0f}{cost.first:>8.0f}" for cost in costs)
        grown = costs[-1].cpu / max(costs[0].cpu, 0.1)
        print(f"{page:<28}{cells}{costs[-1].kilobytes:>7.0f}{grown:>16.1f}x")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,1000000")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for database in options.databases.split(","):
            with ExitStack() as stack:
                if database == "postgresql":
                    try:
                        pattern = stack.enter_context(private_server("-c max_wal_size=4GB", folder=options.folder))
                    except NotHere as reason:
                        print(f"{database}: left out, {reason}")
                        continue
                    url = new_database(pattern, "pages")
                else:
                    url = f"sqlite:///{Path(folder) / 'nightforge.db'}"
                named = await make(url)
                found = []
                for size in sizes:
                    start = time.perf_counter()
                    grow(url, 1, size, readable=True)
                    made_s = time.perf_counter() - start
                    print(
                        f"{database}: {rows_of(url)}, made in {made_s:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True
                    )
                    found.append(await measure(url, Path(folder), named, size, options.runs))
                show([f"{database} {size:,}" for size in sizes], found)


if __name__ == "__main__":
    asyncio.run(main())
