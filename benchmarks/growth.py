"""A campaign made large: its rows are doubled in SQL, on either database, until it has so many candidates."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from nightforge.store.engine import parse_url
from nightforge.store.schema import metadata

COPIED = ("candidate", "attempt", "program", "evaluation", "stage")
"""Tables whose rows are named by ordinal; blobs and events are copied beside them."""
TURNED = {
    "sqlite": "turned({column}, :have)",
    "postgresql": "sha256({column} || int8send(cast(:have as bigint)))",
}
"""Another digest for each copy: programs of one campaign are all different."""


def grow(url: str, campaign_key: int, target: int, *, readable: bool = False) -> None:
    """Other ordinals, other digests, equal texts; the tally counts them. On PostgreSQL the user must be a superuser.

    The copies' texts cannot be read, since their digests are not theirs. With `readable` candidates keep the programs
    that they are copies of, and no text is copied.
    """
    engine = engine_of(url)
    try:
        with engine.begin() as connection:
            have, events = connection.execute(_STANDS, {"key": campaign_key}).one()
        while have < target:
            many = min(have, target - have)
            with engine.begin() as connection:
                _quicken(connection)
                told = events * many // have
                values = {"key": campaign_key, "have": have, "many": many, "events": events, "told": told}
                _double(connection, values, readable=readable)
            have, events = have + many, events + events * many // have
        with engine.begin() as connection:
            for statement in _COUNTED:
                connection.execute(text(statement), {"key": campaign_key, "events": events})
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
    finally:
        engine.dispose()


def engine_of(url: str) -> Engine:
    engine = create_engine(parse_url(url))
    if engine.dialect.name == "sqlite":
        from sqlalchemy import event

        event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: DBAPIConnection, _: object) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.create_function("turned", 2, _turned, deterministic=True)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")


def _turned(digest: bytes | None, by: int) -> bytes | None:
    return None if digest is None else hashlib.sha256(digest + by.to_bytes(8, "big")).digest()


_STANDS = text(
    "SELECT max(ordinal) + 1, (SELECT max(sequence) + 1 FROM event WHERE campaign_key = :key) "
    "FROM candidate WHERE campaign_key = :key"
)
_OF_STATE = "(SELECT count(*) FROM candidate WHERE campaign_key = :key AND state = '{state}')"
_COUNTED = (
    "UPDATE tally SET next_event = :events, "
    "candidates = (SELECT count(*) FROM candidate WHERE campaign_key = :key), "
    "evaluations = (SELECT count(*) FROM evaluation WHERE campaign_key = :key), "
    + ", ".join(f"{state} = {_OF_STATE.format(state=state)}" for state in ("rejected", "measured", "confirmed"))
    + " WHERE campaign_key = :key",
)


def _quicken(connection: Connection) -> None:
    """Foreign keys are not looked up again for copies of what was checked."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL synchronous_commit = off"))


def _double(connection: Connection, values: Mapping[str, int], *, readable: bool) -> None:
    digest = TURNED[connection.dialect.name]
    mine = "campaign_key = :key AND ordinal < :many"
    told = {"sequence": "sequence + :events", "ordinal": "ordinal + :have"}
    _copy(connection, "event", told, "campaign_key = :key AND sequence < :told", values)
    turned = {"ordinal": "ordinal + :have"}
    if readable:
        for table in COPIED:
            if table != "program":
                _copy(connection, table, turned, mine, values)
        return
    programs = "sha256 IN (SELECT code_sha FROM program WHERE campaign_key = :key AND ordinal < :many)"
    _copy(connection, "blob", {"sha256": digest.format(column="sha256")}, programs, values)
    turned["code_sha"] = digest.format(column="code_sha")
    for table in COPIED:
        _copy(connection, table, turned, mine, values)


def _copy(
    connection: Connection, table: str, changed: Mapping[str, str], where: str, values: Mapping[str, int]
) -> None:
    names = [column.name for column in metadata.tables[table].columns]
    columns = ", ".join(changed.get(name, name) for name in names)
    statement = text(f"INSERT INTO {table} ({', '.join(names)}) SELECT {columns} FROM {table} WHERE {where}")
    used = {name: value for name, value in values.items() if f":{name}" in str(statement)}
    connection.execute(statement, used)
