"""A copy of the database while campaigns run, and what no row points to any more."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Connection, and_, delete, func, not_, select
from sqlalchemy.exc import DBAPIError

from nightforge.errors import StoreFault, UserError
from nightforge.store.engine import parse_url, place, sqlite_file, writing_engine
from nightforge.store.faults import store_fault
from nightforge.store.schema import blob, metadata


@dataclass(frozen=True)
class Collected:
    blobs: int
    bytes_before: int
    bytes_after: int
    """Of the file; the same as before where it was not rewritten."""


def backup(url: str, target: Path) -> int:
    """A consistent copy at `target`, its bytes; campaigns go on meanwhile. Checked before it gets its name.

    UserError for a file that is there already and for a server's database, StoreFault when it cannot be written.
    """
    file = sqlite_file(parse_url(url))
    if file is None:
        raise UserError(
            "a server's database is backed up by its own tool", where=place(parse_url(url)), hint="use pg_dump"
        )
    if target.exists():
        raise UserError("the file is there already", where=str(target), hint="name another one")
    unfinished = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            # In one step: in steps it starts over whenever somebody writes. Who reads keeps no writer waiting.
            source.backup(copy)
            found = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            raise StoreFault(f"the copy is damaged: {found}", where=str(target), hint="check the disk")
        unfinished.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StoreFault(
            f"the copy cannot be made: {error}", where=str(target), hint="free some space there, or name another place"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def collect(url: str, *, rewrite: bool) -> Collected:
    """Delete texts that no row refers to (programs of attempts that were given up); `rewrite` gives the space back.

    Texts are written in the transaction of the row that needs them, so a campaign may run meanwhile; rewriting holds
    the whole file, and is for when none does.
    """
    parsed = parse_url(url)
    file = sqlite_file(parsed)
    before = _size(file)
    engine = writing_engine(parsed, busy_timeout_s=60.0)
    try:
        with engine.begin() as connection:
            gone = _drop_unreferenced(connection)
        if rewrite and file is not None:
            with closing(sqlite3.connect(file, isolation_level=None, timeout=60.0)) as plain:
                plain.execute("VACUUM")
                plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except DBAPIError as error:
        raise store_fault(error, where=place(parsed)) from error
    except sqlite3.Error as error:
        raise StoreFault(f"the file cannot be rewritten: {error}", where=place(parsed), hint="try it later") from error
    finally:
        engine.dispose()
    return Collected(blobs=gone, bytes_before=before, bytes_after=_size(file))


def _drop_unreferenced(connection: Connection) -> int:
    used = [select(column).where(column == blob.c.sha256).exists() for column in _references()]
    unused = and_(*(not_(one) for one in used))
    count = int(connection.execute(select(func.count()).select_from(blob).where(unused)).scalar_one())
    if count:
        connection.execute(delete(blob).where(unused))
    return count


def _references() -> list[Column[bytes]]:
    """Every column that refers to a text, whichever table it is in."""
    return [
        column
        for table in metadata.tables.values()
        for column in table.c
        if any(key.target_fullname == "blob.sha256" for key in column.foreign_keys)
    ]


def _size(file: Path | None) -> int:
    if file is None:
        return 0
    return sum(one.stat().st_size for one in (file, file.with_name(file.name + "-wal")) if one.exists())


__all__ = ["Collected", "backup", "collect"]
