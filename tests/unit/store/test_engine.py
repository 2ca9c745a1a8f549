"""How transactions begin on SQLite: a look is one snapshot, a write takes the lock with its first statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from nightforge.store.engine import parse_url, reading_engine, writing_engine

COUNT = text("SELECT count(*) FROM note")


@pytest.fixture
def notes(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE note (words TEXT)")
        yield connection


@pytest.fixture
def reader(url: str) -> Iterator[Engine]:
    engine = reading_engine(parse_url(url), busy_timeout_s=0.1)
    yield engine
    engine.dispose()


@pytest.fixture
def writer(url: str) -> Iterator[Engine]:
    engine = writing_engine(parse_url(url), busy_timeout_s=0.1)
    yield engine
    engine.dispose()


def test_a_look_does_not_see_what_is_committed_meanwhile(notes: sqlite3.Connection, reader: Engine) -> None:
    with reader.connect() as look:
        before = look.execute(COUNT).scalar()
        notes.execute("INSERT INTO note VALUES ('late')")
        assert look.execute(COUNT).scalar() == before == 0
    with reader.connect() as look:
        assert look.execute(COUNT).scalar() == 1


def test_a_look_cannot_write(notes: sqlite3.Connection, reader: Engine) -> None:
    with reader.connect() as look, pytest.raises(OperationalError, match="readonly"):
        look.execute(text("INSERT INTO note VALUES ('no')"))


def test_a_write_locks_before_it_reads(notes: sqlite3.Connection, writer: Engine) -> None:
    with writer.begin() as write:
        assert write.execute(COUNT).scalar() == 0
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            notes.execute("INSERT INTO note VALUES ('too early')")
    notes.execute("INSERT INTO note VALUES ('now')")


def test_a_write_that_ends_in_an_error_leaves_nothing(notes: sqlite3.Connection, writer: Engine) -> None:
    def write_and_fail() -> None:
        with writer.begin() as write:
            write.execute(text("INSERT INTO note VALUES ('half')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert notes.execute("SELECT count(*) FROM note").fetchone() == (0,)


def test_a_locked_database_is_said_at_the_begin(notes: sqlite3.Connection, writer: Engine) -> None:
    notes.execute("BEGIN IMMEDIATE")
    with writer.connect() as write, pytest.raises(OperationalError, match="locked"):
        write.begin()
    notes.execute("ROLLBACK")
