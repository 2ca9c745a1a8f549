"""On every store the migrations make the tables that the program declares, once, whoever comes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nightforge.domain.words import CandidateState
from nightforge.store import SqlStore
from nightforge.store.engine import parse_url, writing_engine
from nightforge.store.schema import STATE_COLUMNS, metadata

OPENER = """
import asyncio, sys
from nightforge.store import open_store
from tools.clock import SystemClock
asyncio.run(open_store(sys.argv[1], clock=SystemClock()).close())
"""


async def test_autogenerate_finds_no_difference(store: SqlStore, store_url: str) -> None:
    assert store.campaigns() == ()
    engine = writing_engine(parse_url(store_url), busy_timeout_s=5)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_many_first_starts_at_once(store_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", OPENER, store_url]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        with process:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors.decode()
    assert not list(tmp_path.rglob("*.backup"))


def test_every_state_has_its_counter() -> None:
    assert set(STATE_COLUMNS) == {state.value for state in CandidateState}
