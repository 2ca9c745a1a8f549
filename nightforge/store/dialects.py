"""The few statements that SQLite and PostgreSQL spell in constructs of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from nightforge.store.engine import SQLITE

Row = Mapping[str, object]
T = TypeVar("T")
_CHUNK = 500


def insert_if_new(connection: Connection, table: Table, row: Row) -> bool:
    """True when the row was not there yet; a row with the same key stays as it is."""
    return connection.execute(_if_new(connection.dialect.name, table), row).rowcount == 1


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Like `insert_if_new`, for several rows."""
    if rows:
        connection.execute(_if_new(connection.dialect.name, table), list(rows))


def add_to(connection: Connection, table: Table, row: Row) -> None:
    """Insert, or add the numbers to those of the row that has the same key."""
    connection.execute(_add(connection.dialect.name, table), row)


def put(connection: Connection, table: Table, row: Row) -> None:
    """Insert, or replace the row that has the same key."""
    connection.execute(_put(connection.dialect.name, table), row)


def put_all(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Like `put`, for several rows of different keys."""
    if rows:
        connection.execute(_put(connection.dialect.name, table), list(rows))


def in_chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """For `IN` lists: both databases bound the number of values in one statement."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == SQLITE else postgresql.insert(table)


@cache
def _if_new(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    # Without the option psycopg's row count of an INSERT is thrown away, and -1 would read as "was there already".
    return _insert(dialect, table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@cache
def _add(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    statement = _insert(dialect, table)
    sums = {column.name: column + statement.excluded[column.name] for column in table.c if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=sums)


@cache
def _put(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    statement = _insert(dialect, table)
    values = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values)
