"""Bring the database to this program's tables, under a lock, with a backup of what was there."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Text, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from nightforge.errors import StoreFault
from nightforge.store.engine import SQLITE, place, reading_engine, sqlite_file, writing_engine
from nightforge.store.faults import store_fault
from nightforge.store.schema import REVISION

if TYPE_CHECKING:
    from alembic.config import Config

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"
_VERSION = select(column("version_num", Text())).select_from(table(_VERSION_TABLE))
_ADVISORY_LOCK = 0x4E46_5354  # any constant that other programs are unlikely to use
_POLL_S = 0.05


def bring_up_to_date(url: URL, *, timeout_s: float, migrations: Path = MIGRATIONS, target: str = REVISION) -> None:
    """Do nothing when the tables are current (Alembic is not even imported then); create or upgrade them otherwise.

    `target` is the revision that this program knows as its own. A failed upgrade leaves the database as it was.
    """
    if _is_current(url, timeout_s, target):
        return
    engine = writing_engine(url, busy_timeout_s=timeout_s, foreign_keys=False)
    try:
        with _one_at_a_time(url, timeout_s), engine.begin() as connection:
            _lock_server(connection)
            _upgrade(connection, url, migrations, target)
    except DBAPIError as error:
        raise store_fault(error, where=place(url)) from error
    finally:
        engine.dispose()


def _is_current(url: URL, timeout_s: float, target: str) -> bool:
    file = sqlite_file(url)
    if file is not None and (not file.exists() or file.stat().st_size == 0):
        return False
    engine = reading_engine(url, busy_timeout_s=timeout_s)
    try:
        with engine.connect() as connection:
            return _revision(connection) == target
    except DBAPIError as error:
        raise store_fault(error, where=place(url)) from error
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    version = connection.execute(_VERSION).scalar()
    return None if version is None else str(version)


def _lock_server(connection: Connection) -> None:
    if connection.dialect.name != SQLITE:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


def _upgrade(connection: Connection, url: URL, migrations: Path, target: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    current = _revision(connection)
    if current == target:  # another process was quicker
        return
    config = alembic_config(connection, migrations)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StoreFault(
            f"the database is newer than this program (its tables are at {current!r}, ours at {target!r})",
            where=place(url),
            hint="install the Nightforge release that wrote it, or a later one; or name another database",
        )
    if current is None and set(inspect(connection).get_table_names()) - {_VERSION_TABLE}:
        raise StoreFault(
            "the database belongs to another program: it has tables, but none of ours",
            where=place(url),
            hint="name another file or database",
        )
    file = sqlite_file(url)
    if current is not None and file is not None:
        back_up(file, current)
    logger.info("bringing %s from %s to %s", place(url), current or "nothing", target)
    command.upgrade(config, target)
    if connection.dialect.name == SQLITE:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise StoreFault(
                f"the upgrade to {target!r} would break {len(broken)} reference(s), so it was not made",
                where=place(url),
                hint="this is an error in Nightforge: please report it; the database is as it was",
            )


def alembic_config(connection: Connection, migrations: Path = MIGRATIONS) -> Config:
    """For commands on an open connection; there is no alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def back_up(file: Path, revision: str) -> Path:
    """A consistent copy beside the file; an older backup is never overwritten."""
    number = 0
    while (copy := file.with_name(f"{file.name}.{revision}.{number}.backup")).exists():
        number += 1
    unfinished = copy.with_suffix(".part")
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
        unfinished.replace(copy)
    except (OSError, sqlite3.Error) as error:
        unfinished.unlink(missing_ok=True)
        raise StoreFault(
            f"the database could not be backed up before its upgrade ({error})",
            where=str(copy),
            hint="free some space there, then try again; the database is as it was",
        ) from error
    logger.info("backed %s up as %s", file, copy)
    return copy


@contextmanager
def _one_at_a_time(url: URL, timeout_s: float) -> Iterator[None]:
    """A lock file beside a SQLite database: two first starts at once would otherwise collide while it is made.

    The file stays: removing it would let two processes lock two different files of one name.
    """
    file = sqlite_file(url)
    if file is None:
        yield
        return
    path = file.with_name(file.name + ".lock")
    try:
        handle = path.open("a")
    except OSError as error:
        hint = "give yourself write permission there, or set another place with NIGHTFORGE_HOME"
        raise StoreFault(f"the lock file cannot be made: {error.strerror}", where=str(path), hint=hint) from error
    with handle:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise StoreFault(
                        "another program has been setting this database up for too long",
                        where=str(path),
                        hint="wait for it, or end it, then try again",
                    ) from None
                time.sleep(_POLL_S)
        yield
