"""A workbench per test; its database starts as a copy, because creating one waits for the disk many times."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from protocol_server.workbench import Workbench

from nightforge.store import open_store
from tools.clock import SystemClock


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "night.db"
    asyncio.run(open_store(f"sqlite:///{path}", clock=SystemClock()).close())
    assert not path.with_name("night.db-wal").exists(), "all of it is in the one file"
    return path


@pytest.fixture
async def bench(tmp_path: Path, empty_database: Path) -> AsyncIterator[Workbench]:
    shutil.copy(empty_database, tmp_path / "night.db")
    async with Workbench(tmp_path) as workbench:
        yield workbench
