"""What the database drivers say, as `StoreFault`: what, where, and how to mend it."""

from __future__ import annotations

import logging

from sqlalchemy.exc import DBAPIError

from nightforge.errors import StoreFault

logger = logging.getLogger(__name__)

_NOTHING_LOST = "what was saved before is intact"

# Primary result codes of https://www.sqlite.org/rescode.html → (what, hint).
_SQLITE: dict[int, tuple[str, str]] = {
    5: (
        "the database is locked by another program",
        "close whatever holds it open (a shell, a backup, another night), then run the command again",
    ),
    6: ("a table of the database is locked", "close whatever holds it open, then run the command again"),
    8: (
        "the database is read-only",
        "give yourself write permission on the file and its folder, or set another place with NIGHTFORGE_HOME",
    ),
    10: (
        "the disk reported an error",
        "check the disk (dmesg, free space, network mount), then run `nightforge resume`",
    ),
    11: (
        "the database file is damaged",
        "restore the newest backup that lies beside it, or recover it with `sqlite3 FILE .recover`",
    ),
    13: ("the disk is full", "free some space, then run `nightforge resume`; " + _NOTHING_LOST),
    14: (
        "the database cannot be opened",
        "check that the folder exists and is writable, or set another place with NIGHTFORGE_HOME",
    ),
    23: ("access to the database was denied", "check the permissions of the file and of its folder"),
    26: ("the file is not a SQLite database", "name another file, or move this one away"),
}

# SQLSTATE classes and codes of PostgreSQL → (what, hint); the longest prefix wins.
_POSTGRES: dict[str, tuple[str, str]] = {
    "08": ("the connection to the database was lost", "check that the server runs, then run `nightforge resume`"),
    "25006": ("the database is read-only", "connect to the primary server, not to a standby"),
    "28": ("the database refused the user or the password", "check the user and the password of the database URL"),
    "3D000": ("there is no such database", "create it with `createdb`, or correct the database URL"),
    "42501": ("the database user lacks a right", "grant the user CREATE and USAGE on the schema"),
    "53100": ("the database's disk is full", "free some space on the server; " + _NOTHING_LOST),
    "53300": ("the database has no free connection", "raise max_connections, or stop other clients"),
    "53": ("the database is out of resources", "look at the server's log"),
    "55P03": ("the database is locked by another program", "find the session in pg_stat_activity and end it"),
    "57014": ("the database cancelled the statement", "look at the server's statement and lock timeouts"),
    "57": ("the database server is shutting down or unreachable", "start the server, then run `nightforge resume`"),
    "XX": ("the database is damaged", "look at the server's log, and restore a backup"),
}

RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})


def sqlstate(error: DBAPIError) -> str:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else ""


def is_retryable(error: DBAPIError) -> bool:
    """Serialisation failures and deadlocks between several writers: rolled back whole, safe to run again."""
    return sqlstate(error) in RETRYABLE_SQLSTATES


def store_fault(error: DBAPIError, *, where: str) -> StoreFault:
    """The statement and its values are logged at debug level only: they may hold prompts."""
    logger.debug("database error at %s: %s", where, error.orig)
    what, hint = _explain(error)
    detail = str(error.orig).strip().splitlines()
    if detail and detail[0] not in what:
        what = f"{what} ({detail[0]})"
    return StoreFault(what, where=where, hint=hint)


def _explain(error: DBAPIError) -> tuple[str, str]:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if isinstance(code, int) and code & 0xFF in _SQLITE:
        return _SQLITE[code & 0xFF]
    state = sqlstate(error)
    for length in (5, 2):
        found = _POSTGRES.get(state[:length]) if state else None
        if found is not None:
            return found
    if error.connection_invalidated or type(error.orig).__name__ == "OperationalError":
        return "the database cannot be reached", "check the database URL and that the server runs"
    return "the database refused a statement", "this is an error in Nightforge: please report it with the log"
