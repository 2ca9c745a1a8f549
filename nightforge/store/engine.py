"""Connections: one engine that writes, one that reads, and what makes SQLite durable and quick."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from nightforge.errors import PrerequisiteMissing, StoreFault, UserError
from nightforge.sqlite import log_ahead

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
_EXAMPLES = "for example sqlite:////home/me/nightforge.db or postgresql://user@host/name"


def parse_url(url: str) -> URL:
    """The URL with the driver that we use; refuses what cannot hold a campaign."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise UserError("the database URL cannot be read", where="database_url", hint=_EXAMPLES) from None
    backend = parsed.get_backend_name()
    if backend == SQLITE:
        if not parsed.database or parsed.database == ":memory:" or parsed.query:
            raise UserError(
                "a SQLite database must be a plain file: a campaign outlives its process",
                where=_shown(parsed),
                hint=_EXAMPLES,
            )
        return parsed.set(drivername="sqlite+pysqlite", database=str(Path(parsed.database).absolute()))
    if backend == POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    raise UserError(f"databases of kind {backend!r} are not supported", where=_shown(parsed), hint=_EXAMPLES)


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def place(url: URL) -> str:
    """Where the database is, for messages: a path, or a URL without its password."""
    return str(url.database) if url.get_backend_name() == SQLITE else _shown(url)


def sqlite_file(url: URL) -> Path | None:
    return Path(str(url.database)) if url.get_backend_name() == SQLITE else None


def prepare_folder(url: URL) -> None:
    """Make the folder of a SQLite file, and say plainly when it cannot be written.

    SQLite needs to write beside the file too (its log), hence the check on the folder.
    """
    file = sqlite_file(url)
    if file is None:
        return
    hint = "give yourself write permission there, or set another place with NIGHTFORGE_HOME"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFault(f"the folder cannot be made: {error.strerror}", where=str(file.parent), hint=hint) from error
    # As the effective user, which is the one that will open the file.
    if not os.access(file.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise StoreFault("the folder of the database is not writable", where=str(file.parent), hint=hint)
    if file.is_dir():
        raise StoreFault("a folder stands where the database should be", where=str(file), hint="name a file in it")
    if file.exists() and not os.access(file, os.R_OK | os.W_OK, effective_ids=True):
        raise StoreFault("the database file is not writable", where=str(file), hint=hint)


def writing_engine(url: URL, *, busy_timeout_s: float, foreign_keys: bool = True) -> Engine:
    """Transactions take the write lock at once (BEGIN IMMEDIATE): a read that turns into a write cannot deadlock.

    `foreign_keys` False is for migrations: rebuilding a SQLite table must not touch the rows that refer to it.
    """
    if url.get_backend_name() == SQLITE:
        engine = create_engine(url, pool_size=1, max_overflow=1)
        _set_up_sqlite(engine, busy_timeout_s, begin="BEGIN IMMEDIATE", query_only=False, foreign_keys=foreign_keys)
        return engine
    return _postgres_engine(url, busy_timeout_s, isolation="READ COMMITTED", pool_size=1)


def reading_engine(url: URL, *, busy_timeout_s: float) -> Engine:
    """Each look is one snapshot: several statements of one read agree with each other."""
    if url.get_backend_name() == SQLITE:
        engine = create_engine(url, pool_size=4, max_overflow=-1)
        _set_up_sqlite(engine, busy_timeout_s, begin="BEGIN", query_only=True)
        return engine
    return _postgres_engine(url, busy_timeout_s, isolation="REPEATABLE READ", pool_size=4)


def _postgres_engine(url: URL, busy_timeout_s: float, *, isolation: str, pool_size: int) -> Engine:
    # Timeouts are set on the connection, not in the URL, so that a user's own options there stay in force.
    try:
        engine = create_engine(
            url,
            isolation_level=isolation,
            pool_size=pool_size,
            max_overflow=-1,
            pool_pre_ping=True,
            connect_args={"connect_timeout": max(2, int(busy_timeout_s))},
        )
    except ModuleNotFoundError as error:
        raise PrerequisiteMissing(
            f"PostgreSQL needs the package {error.name}",
            where=_shown(url),
            hint="install it with: pip install 'nightforge[postgres]'",
        ) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {int(busy_timeout_s * 1000)}")
        cursor.close()
        connection.commit()

    return engine


def _set_up_sqlite(
    engine: Engine, busy_timeout_s: float, *, begin: str, query_only: bool, foreign_keys: bool = True
) -> None:
    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself; `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        log_ahead(cursor.execute, wait_s=busy_timeout_s)
        for pragma in (
            "synchronous = NORMAL",
            f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
            "cache_size = -16384",
            "temp_store = MEMORY",
            f"query_only = {'ON' if query_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def start(dbapi_connection: PoolProxiedConnection) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute(begin)
        cursor.close()

    # Not a listener of the event "begin": with one on the engine, each statement pays for events that nobody hears.
    engine.dialect.do_begin = start  # type: ignore[method-assign]
