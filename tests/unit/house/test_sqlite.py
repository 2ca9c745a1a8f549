"""A file that others hold while it is opened is waited for."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from nightforge.sqlite import log_ahead


def test_the_log_is_set_when_the_other_one_is_done(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE note (words TEXT)")
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(0.2, lambda: other.execute("COMMIT"))
        timer.start()
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as mine:
            log_ahead(mine.execute, wait_s=30)
            assert mine.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        timer.join()


def test_who_never_gives_it_back_is_not_waited_for_endlessly(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE note (words TEXT)")
        other.execute("BEGIN EXCLUSIVE")
        with (
            closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as mine,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            log_ahead(mine.execute, wait_s=0.05)


def test_another_error_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    path.write_bytes(b"no database " * 100)
    with closing(sqlite3.connect(path, isolation_level=None)) as mine, pytest.raises(sqlite3.DatabaseError):
        log_ahead(mine.execute, wait_s=30)
