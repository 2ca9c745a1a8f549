"""Several processes, threads and sudden ends: nothing awaited is lost, nobody waits for a reader."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nightforge.domain.evidence import Evidence
from nightforge.domain.plan import Plan
from nightforge.domain.words import SandboxTier
from nightforge.errors import StoreFault
from nightforge.store import SqlStore, open_store

WRITER = """
import asyncio, sys
from nightforge.store import open_store
from tools.clock import SystemClock

async def main(url, campaign_id, first, count):
    store = open_store(url, clock=SystemClock())
    async def one(ordinal):
        await store.open_candidate(campaign_id, ordinal, parents=())
        sha = await store.save_code(campaign_id, ordinal, f"int program_{ordinal};" * 9, attempt=0, operator=None)
        print(ordinal, sha, flush=True)
    for start in range(first, first + count, 4):
        await asyncio.gather(*(one(ordinal) for ordinal in range(start, start + 4)))
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


def start_writer(url: str, campaign_id: str, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, url, campaign_id, str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
async def campaign_id(store: SqlStore, plan: Plan) -> str:
    return (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id


async def test_kill_9_loses_nothing_that_was_awaited(store: SqlStore, store_url: str, campaign_id: str) -> None:
    """Each round a writer is killed at another moment; every line it printed must be in the database."""
    printed: dict[int, str] = {}
    for number, lines_until_kill in enumerate((1, 7, 20, 33)):
        process = start_writer(store_url, campaign_id, number * 4000, 4000)
        assert process.stdout is not None
        with process:
            for _ in range(lines_until_kill):
                ordinal, sha = process.stdout.readline().split()
                printed[int(ordinal)] = sha
            await asyncio.sleep(0.003 * number)
            os.kill(process.pid, signal.SIGKILL)
            for line in process.stdout:
                if line.endswith("\n"):
                    ordinal, sha = line.split()
                    printed[int(ordinal)] = sha
        assert process.returncode == -signal.SIGKILL
    assert len(printed) >= 61
    for awaited, expected in printed.items():
        assert store.candidate(campaign_id, awaited).code_sha == expected
        assert store.source(expected) == f"int program_{awaited};" * 9
    tally = store.tally(campaign_id)
    rows = store.recent(campaign_id, limit=100_000)
    assert tally.candidates == len(rows)
    events = store.events(campaign_id, limit=100_000)
    assert [each.sequence for each in events] == list(range(len(events)))
    await store.open_candidate(campaign_id, 99_999, parents=())


async def test_two_processes_write_at_once(store: SqlStore, store_url: str, campaign_id: str) -> None:
    writers = [start_writer(store_url, campaign_id, first, 60) for first in (1000, 2000)]
    while any(writer.poll() is None for writer in writers):
        await store.append_event(campaign_id, "test.third")
        store.recent(campaign_id, limit=5)
        await asyncio.sleep(0.005)
    for writer in writers:
        with writer:
            assert writer.returncode == 0
    tally = store.tally(campaign_id)
    assert tally.candidates == 120
    events = store.events(campaign_id, limit=100_000)
    assert [each.sequence for each in events] == list(range(len(events)))
    assert sum(each.kind == "candidate.opened" for each in events) == 120


async def test_a_poller_sees_every_event_once_and_in_order(store: SqlStore, store_url: str, campaign_id: str) -> None:
    """Readers on other threads follow `after` while two processes write."""
    seen: list[list[int]] = [[], []]
    done = threading.Event()

    def follow(mine: list[int]) -> None:
        last = -1
        while not done.is_set() or store.events(campaign_id, after=last, limit=1):
            for each in store.events(campaign_id, after=last):
                mine.append(each.sequence)
                last = each.sequence

    threads = [threading.Thread(target=follow, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    writers = [start_writer(store_url, campaign_id, first, 40) for first in (1000, 2000)]
    try:
        for writer in writers:
            with writer:
                await asyncio.to_thread(writer.communicate)
            assert writer.returncode == 0
    finally:
        done.set()
        for thread in threads:
            thread.join()
    expected = [each.sequence for each in store.events(campaign_id, limit=100_000)]
    assert seen == [expected, expected]


async def test_a_job_that_fails_fails_alone(
    store: SqlStore, campaign_id: str, make_evidence: Callable[..., Evidence]
) -> None:
    """Eighty writes in flight, every fourth refused; the others are all there."""
    writes = [
        store.open_candidate(campaign_id, ordinal, parents=(500,) if ordinal % 4 == 0 else ()) for ordinal in range(80)
    ]
    results = await asyncio.gather(*writes, return_exceptions=True)
    failed = [ordinal for ordinal, result in enumerate(results) if isinstance(result, Exception)]
    assert failed == list(range(0, 80, 4))
    assert {row.ordinal for row in store.recent(campaign_id, limit=100)} == set(range(80)) - set(failed)
    assert store.tally(campaign_id).candidates == 60


async def test_a_cancelled_wait_still_commits(store: SqlStore, campaign_id: str) -> None:
    task = asyncio.ensure_future(store.open_candidate(campaign_id, 0, parents=()))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await store.append_event(campaign_id, "test.after")
    assert store.candidate(campaign_id, 0).ordinal == 0


async def test_close_finishes_what_is_queued_and_then_refuses(
    store: SqlStore, store_url: str, campaign_id: str, clock: Any
) -> None:
    tasks = [asyncio.ensure_future(store.append_event(campaign_id, "test.last")) for _ in range(50)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*tasks)
    with pytest.raises(StoreFault, match="closed"):
        await store.append_event(campaign_id, "test.late")
    with pytest.raises(StoreFault, match="closed"):
        store.tally(campaign_id)
    await store.close()
    again = open_store(store_url, clock=clock)
    assert len(again.events(campaign_id)) == 51
    await again.close()


async def test_events_cannot_be_changed_or_deleted(store: SqlStore, campaign_id: str) -> None:
    """Not even by a program that connects to the database itself."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import DBAPIError

    engine = create_engine(store._reader.url)
    for statement in ("UPDATE event SET kind = 'x'", "DELETE FROM event"):
        with engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(statement))
    engine.dispose()
    assert [each.kind for each in store.events(campaign_id)] == ["campaign.created"]
