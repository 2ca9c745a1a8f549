"""Backup under writes is whole; gc deletes what no row refers to and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction, OperatorKind, SandboxTier
from nightforge.errors import UserError
from nightforge.store import SqlStore, open_store
from nightforge.store.maintenance import backup, collect
from tools.clock import SystemClock

PLAN = Plan(goal="g", task="t", objectives=(Objective(metric="m", unit="", direction=Direction.MAX),), budget=Budget())


async def fill(store: SqlStore, count: int) -> str:
    campaign_id = (await store.create_campaign(PLAN, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    for ordinal in range(count):
        await store.open_candidate(campaign_id, ordinal, parents=())
        source = f"program {ordinal}\n" * 50
        await store.save_code(campaign_id, ordinal, source, attempt=0, operator=OperatorKind.FULL)
    return campaign_id


async def test_a_backup_taken_while_a_campaign_writes_is_whole(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nightforge.db'}"
    store = open_store(url, clock=SystemClock())
    writing = asyncio.create_task(fill(store, 150))
    await asyncio.sleep(0.05)
    size = await asyncio.to_thread(backup, url, tmp_path / "copies" / "one.db")
    campaign_id = await writing
    await store.close()
    copy = open_store(f"sqlite:///{tmp_path / 'copies' / 'one.db'}", clock=SystemClock())
    saved = copy.next_ordinal(campaign_id)
    assert size > 0
    assert 0 < saved <= 150
    for candidate in copy.recent(campaign_id, limit=saved):
        if candidate.code_sha is not None:
            assert copy.source(candidate.code_sha).startswith(f"program {candidate.ordinal}\n")
    await copy.close()
    with pytest.raises(UserError, match="there already"):
        backup(url, tmp_path / "copies" / "one.db")
    with pytest.raises(UserError, match="own tool"):
        backup("postgresql://somebody@somewhere/base", tmp_path / "two.db")


async def test_gc_takes_only_what_nobody_refers_to(tmp_path: Path) -> None:
    file = tmp_path / "nightforge.db"
    url = f"sqlite:///{file}"
    store = open_store(url, clock=SystemClock())
    campaign_id = await fill(store, 20)
    await store.close()
    with closing(sqlite3.connect(file)) as plain, plain:
        rows = [(hashlib.sha256(b"%d" % n).digest(), 4096, "raw", b"\x00%04d" % n * 800) for n in range(300)]
        plain.executemany("INSERT INTO blob VALUES (?, ?, ?, ?)", rows)
    found = collect(url, rewrite=True)
    assert found.blobs == 300
    assert found.bytes_after < found.bytes_before - 300 * 2000
    store = open_store(url, clock=SystemClock())
    shas = [candidate.code_sha for candidate in store.recent(campaign_id, limit=50)]
    assert [bool(sha and store.source(sha)) for sha in shas] == [True] * 20
    await store.close()
    assert collect(url, rewrite=False).blobs == 0
