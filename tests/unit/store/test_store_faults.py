"""A database that cannot serve: what, where, a hint, and nothing lost."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from nightforge.domain.plan import Plan
from nightforge.domain.words import SandboxTier
from nightforge.errors import NightforgeError, StoreFault, UserError
from nightforge.store import SqlStore, open_store

NOBODY = 65534


def check(fault: NightforgeError, what: str, where: Path | str) -> None:
    assert what in fault.what
    assert str(where) in fault.where
    assert fault.hint


async def fill(store: SqlStore, plan: Plan, count: int) -> str:
    campaign_id = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    for ordinal in range(count):
        await store.open_candidate(campaign_id, ordinal, parents=())
    return campaign_id


def pages(file: Path) -> int:
    return file.stat().st_size // 4096


def damage(file: Path) -> None:
    """Noise at the head of every page but the first."""
    noise = random.Random(1)
    with file.open("r+b") as handle:
        for page in range(1, pages(file)):
            handle.seek(page * 4096)
            handle.write(noise.randbytes(200))


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 1 MB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    folder = Path(tempfile.mkdtemp(prefix="nf-full-", dir="/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    try:
        if mounted.returncode != 0:
            pytest.skip(f"this machine does not let us mount: {mounted.stderr.decode()}")
        yield folder
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A folder that everyone may enter, and rights that are not root's."""
    folder = Path(tempfile.mkdtemp(prefix="nf-rights-", dir="/tmp"))
    folder.chmod(0o755)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(NOBODY)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder, ignore_errors=True)


class TestPlace:
    def test_a_folder_that_cannot_be_made(self, tmp_path: Path, clock: Any) -> None:
        (tmp_path / "blocked").write_text("")
        with pytest.raises(StoreFault) as caught:
            open_store(f"sqlite:///{tmp_path}/blocked/deep/x.db", clock=clock)
        check(caught.value, "cannot be made", tmp_path / "blocked")
        with pytest.raises(StoreFault) as caught:
            open_store(f"sqlite:///{tmp_path}", clock=clock)
        check(caught.value, "a folder stands", tmp_path)

    def test_a_folder_without_write_permission(self, clock: Any) -> None:
        with ordinary_user() as folder:
            if os.access(folder, os.W_OK, effective_ids=True):
                folder.chmod(0o555)
            with pytest.raises(StoreFault) as caught:
                open_store(f"sqlite:///{folder}/x.db", clock=clock)
            folder_now = folder
        check(caught.value, "not writable", folder_now)

    async def test_rights_taken_away_while_it_is_open(self, plan: Plan, clock: Any) -> None:
        with ordinary_user() as folder:
            effective = os.geteuid()
            os.seteuid(os.getuid())
            folder.chmod(0o755)
            store = open_store(f"sqlite:///{folder}/x.db", clock=clock)
            try:
                for each in folder.iterdir():
                    each.chmod(0o444)
                os.seteuid(effective)
                folder.chmod(0o555) if os.getuid() != 0 else None
                with pytest.raises(StoreFault) as caught:
                    await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
            finally:
                await store.close()
        check(caught.value, "read-only", folder)

    @pytest.mark.parametrize(
        "url",
        [
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///x.db?mode=ro",
            "mysql://h/x",
            "no url",
            "postgresql://ann:secret@h:nan/x",
        ],
    )
    def test_urls_that_name_no_usable_database(self, url: str, clock: Any) -> None:
        with pytest.raises(UserError) as caught:
            open_store(url, clock=clock)
        assert "sqlite:////" in caught.value.hint
        assert "secret" not in str(caught.value)

    def test_a_server_that_is_not_there(self, clock: Any) -> None:
        pytest.importorskip("psycopg")
        with pytest.raises(StoreFault) as caught:
            open_store("postgresql://ann:secret@127.0.0.1:9/x", clock=clock, busy_timeout_s=2)
        check(caught.value, "cannot be reached", "127.0.0.1")
        assert "secret" not in f"{caught.value}{caught.value.hint}"


class TestFile:
    def test_no_database(self, file: Path, url: str, clock: Any) -> None:
        file.write_text("this is a diary, not a database\n" * 99)
        before = file.read_bytes()
        with pytest.raises(StoreFault) as caught:
            open_store(url, clock=clock)
        check(caught.value, "not a SQLite database", file)
        assert file.read_bytes() == before

    def test_somebody_elses_database(self, file: Path, url: str, clock: Any) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE recipes (name TEXT)")
            connection.commit()
        with pytest.raises(StoreFault) as caught:
            open_store(url, clock=clock)
        check(caught.value, "belongs to another program", file)
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]

    async def test_a_damaged_file(self, file: Path, url: str, plan: Plan, clock: Any) -> None:
        store = open_store(url, clock=clock)
        campaign_id = await fill(store, plan, 300)
        await store.close()
        damage(file)

        async def look() -> None:
            again = open_store(url, clock=clock)
            try:
                again.recent(campaign_id, limit=300)
            finally:
                await again.close()

        with pytest.raises(StoreFault) as caught:
            await look()
        check(caught.value, "damaged", file)
        assert "backup" in caught.value.hint

    async def test_a_damaged_text(self, file: Path, url: str, plan: Plan, clock: Any) -> None:
        store = open_store(url, clock=clock)
        campaign_id = await fill(store, plan, 1)
        sha = await store.save_code(campaign_id, 0, "int x;" * 100, attempt=0, operator=None)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("UPDATE blob SET data = zeroblob(20)")
            connection.commit()
        with pytest.raises(StoreFault, match="damaged"):
            store.source(sha)
        await store.close()


class TestLocked:
    async def test_while_writing(self, file: Path, url: str, plan: Plan, clock: Any) -> None:
        store = open_store(url, clock=clock, busy_timeout_s=0.2)
        campaign_id = await fill(store, plan, 1)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreFault) as caught:
                await store.open_candidate(campaign_id, 1, parents=())
            assert store.tally(campaign_id).candidates == 1  # readers are not held up
            other.execute("ROLLBACK")
        check(caught.value, "locked", file)
        await store.open_candidate(campaign_id, 1, parents=())
        assert store.tally(campaign_id).candidates == 2
        await store.close()

    async def test_every_waiting_job_fails_after_one_timeout(
        self, file: Path, url: str, plan: Plan, clock: Any
    ) -> None:
        import asyncio

        store = open_store(url, clock=clock, busy_timeout_s=0.5)
        campaign_id = await fill(store, plan, 0)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writes = [store.open_candidate(campaign_id, ordinal, parents=()) for ordinal in range(30)]
            async with asyncio.timeout(10):
                results = await asyncio.gather(*writes, return_exceptions=True)
            other.execute("ROLLBACK")
        assert all(isinstance(result, StoreFault) for result in results)
        assert store.tally(campaign_id).candidates == 0
        await store.close()

    def test_while_it_is_made(self, file: Path, url: str, clock: Any) -> None:
        import fcntl

        with (file.parent / "nightforge.db.lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with pytest.raises(StoreFault) as caught:
                open_store(url, clock=clock, busy_timeout_s=0.2)
        check(caught.value, "too long", file)


class TestFull:
    async def test_the_pages_run_out(self, file: Path, url: str, plan: Plan, clock: Any) -> None:
        """A limit on the database's pages gives the very error that a full disk gives."""
        store = open_store(url, clock=clock)
        limit = pages(file) + 60

        @event.listens_for(store._writer._engine, "connect")
        def set_limit(connection: Any, _entry: Any) -> None:
            connection.execute(f"PRAGMA max_page_count = {limit}")

        await self._fill_up(store, plan, file)

    async def test_a_full_disk(self, plan: Plan, clock: Any, small_disk: Path) -> None:
        await self._fill_up(open_store(f"sqlite:///{small_disk}/x.db", clock=clock), plan, small_disk)

    async def _fill_up(self, store: SqlStore, plan: Plan, where: Path) -> None:
        campaign_id = await fill(store, plan, 0)
        saved: dict[int, str] = {}
        noise = random.Random(1)

        async def save_until_it_fails() -> None:
            for ordinal in range(1000):
                await store.open_candidate(campaign_id, ordinal, parents=())
                source = noise.randbytes(3000).hex()
                saved[ordinal] = await store.save_code(campaign_id, ordinal, source, attempt=0, operator=None)

        with pytest.raises(StoreFault) as caught:
            await save_until_it_fails()
        check(caught.value, "full", where)
        assert len(saved) > 5
        for ordinal, sha in saved.items():
            assert store.candidate(campaign_id, ordinal).code_sha == sha
            assert len(store.source(sha)) == 6000
        tally = store.tally(campaign_id)
        assert tally.candidates == len(store.recent(campaign_id, limit=2000))
        await store.close()
