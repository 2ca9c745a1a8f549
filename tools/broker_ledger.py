"""Pace and dollars of one machine in one small SQLite file: each change is one transaction that takes the write lock.

Pace is the generic cell rate algorithm (ATM Forum, Traffic Management 4.0, 1996, section 4.4.2; a token bucket that
keeps one time instead of a level): per endpoint the time at which its bucket will be full again. A process that dies
leaves nothing behind but its turn. Dollars are whole picodollars. What a process holds is counted as spent once it is
dead, which its lock tells: pids come again, locks of the kernel do not outlive their holder.
"""

from __future__ import annotations

import fcntl
import math
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nightforge.errors import PlatformFault
from nightforge.sqlite import log_ahead

PICODOLLARS = 10**12
BURST_S = 6.0
"""A tenth of the minute's allowance may come at once."""
FAR_S = 86400.0
"""A turn that lies further off than this comes from a clock that was set back."""
BUSY_TIMEOUT_S = 15.0

_TABLES = """
CREATE TABLE IF NOT EXISTS spend (day TEXT NOT NULL, campaign TEXT NOT NULL, pico INTEGER NOT NULL,
    PRIMARY KEY (day, campaign)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hold (number INTEGER PRIMARY KEY, day TEXT NOT NULL, campaign TEXT NOT NULL,
    pico INTEGER NOT NULL, holder TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pace (endpoint TEXT PRIMARY KEY, requests_at REAL NOT NULL, tokens_at REAL NOT NULL,
    paused_until REAL NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Refused:
    spent_usd: float
    may_fit_later: bool
    """Only what others hold stands in the way."""


class Ledger:
    """Blocking; safe to use from several threads."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._holders = folder / "holders"
        self._now = now
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._holder = ""
        self._lock_descriptor = -1

    def close(self) -> None:
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._lock_descriptor >= 0:
                # What is still held then counts as spent: nobody is left who could say what it came to.
                os.close(self._lock_descriptor)
                self._lock_descriptor = -1

    def admit(
        self,
        endpoint: str,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        tokens: int,
        *,
        patience_s: float = math.inf,
    ) -> float:
        """Take the next turn; returns the seconds until it comes. One further off than `patience_s` is not taken:
        turns that nobody comes for would push those of all others back."""
        with self._transaction() as connection:
            now_s = self._now()
            requests_at, tokens_at, paused_until = _pace(connection, endpoint, now_s)
            turn_s = max(now_s, paused_until)
            if requests_per_minute is not None:
                requests_at, at_s = _turn(requests_at, now_s, 60.0 / requests_per_minute)
                turn_s = max(turn_s, at_s)
            if tokens_per_minute is not None and tokens > 0:
                tokens_at, at_s = _turn(tokens_at, now_s, 60.0 * tokens / tokens_per_minute)
                turn_s = max(turn_s, at_s)
            if turn_s - now_s <= patience_s:
                _keep_pace(connection, endpoint, requests_at, tokens_at, paused_until)
            return turn_s - now_s

    def refund(self, endpoint: str, tokens_per_minute: float, tokens: int) -> None:
        with self._transaction() as connection:
            requests_at, tokens_at, paused_until = _pace(connection, endpoint, self._now())
            _keep_pace(connection, endpoint, requests_at, tokens_at - 60.0 * tokens / tokens_per_minute, paused_until)

    def pause(self, endpoint: str, seconds: float) -> None:
        with self._transaction() as connection:
            now_s = self._now()
            requests_at, tokens_at, paused_until = _pace(connection, endpoint, now_s)
            until = max(paused_until, now_s + min(max(seconds, 0.0), FAR_S))
            _keep_pace(connection, endpoint, requests_at, tokens_at, until)

    def paused_s(self, endpoint: str) -> float:
        with self._transaction(writes=False) as connection:
            now_s = self._now()
            return max(0.0, _pace(connection, endpoint, now_s)[2] - now_s)

    def hold(self, cost_usd: float, campaign_id: str, cap_usd: float | None) -> int | Refused:
        """A hold's number, or why it does not fit."""
        amount, day = _pico(cost_usd), self._day()
        with self._transaction() as connection:
            self._book_the_dead(connection)
            if cap_usd is not None:
                spent = _sum(connection, "SELECT SUM(pico) FROM spend WHERE day = ?", day)
                held = _sum(connection, "SELECT SUM(pico) FROM hold WHERE day = ?", day)
                cap = math.floor(cap_usd * PICODOLLARS)
                if spent + held + amount > cap:
                    return Refused(spent / PICODOLLARS, may_fit_later=spent + amount <= cap)
            row = (day, campaign_id, amount, self._holder)
            cursor = connection.execute("INSERT INTO hold (day, campaign, pico, holder) VALUES (?, ?, ?, ?)", row)
            return int(cursor.lastrowid or 0)

    def settle(self, number: int, cost_usd: float) -> None:
        with self._transaction() as connection:
            row = connection.execute("SELECT day, campaign FROM hold WHERE number = ?", (number,)).fetchone()
            if row is None:
                return
            connection.execute("DELETE FROM hold WHERE number = ?", (number,))
            _book(connection, row[0], row[1], _pico(cost_usd))

    def book(self, campaign_id: str, pico: int) -> None:
        """Spent without a hold: where no cap is set, nobody needs to know of it before."""
        with self._transaction() as connection:
            _book(connection, self._day(), campaign_id, pico)

    def spent_today_usd(self) -> float:
        day = self._day()
        with self._transaction() as connection:
            self._book_the_dead(connection)
            return _sum(connection, "SELECT SUM(pico) FROM spend WHERE day = ?", day) / PICODOLLARS

    def _day(self) -> str:
        """The machine's own calendar: a cap by the day is a person's, and ends at their midnight."""
        return time.strftime("%Y-%m-%d", time.localtime(self._now()))

    def _book_the_dead(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT DISTINCT holder FROM hold WHERE holder <> ?", (self._holder,)).fetchall()
        for (holder,) in rows:
            if self._is_alive(holder):
                continue
            for day, campaign, pico in connection.execute(
                "SELECT day, campaign, pico FROM hold WHERE holder = ?", (holder,)
            ).fetchall():
                _book(connection, day, campaign, pico)
            connection.execute("DELETE FROM hold WHERE holder = ?", (holder,))
            (self._holders / holder).unlink(missing_ok=True)

    def _is_alive(self, holder: str) -> bool:
        try:
            descriptor = os.open(self._holders / holder, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @contextmanager
    def _transaction(self, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
        with self._guard:
            try:
                connection = self._connection or self._open()
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            except (OSError, sqlite3.Error) as error:
                raise PlatformFault(
                    f"what campaigns of this machine share cannot be read or written: {error}",
                    where=str(self._folder),
                    hint=_hint(error),
                ) from error

    def _open(self) -> sqlite3.Connection:
        self._holders.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._holder = f"{os.getpid()}-{secrets.token_hex(6)}"
        flags = os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._lock_descriptor = os.open(self._holders / self._holder, flags, 0o600)
        fcntl.flock(self._lock_descriptor, fcntl.LOCK_EX)
        try:
            self._connection = self._connect()
        except BaseException:
            # The next try opens anew: what this one took must not add up.
            os.close(self._lock_descriptor)
            self._lock_descriptor = -1
            (self._holders / self._holder).unlink(missing_ok=True)
            raise
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._folder / "broker.db", timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            log_ahead(connection.execute, wait_s=BUSY_TIMEOUT_S)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_TABLES)
        except BaseException:
            connection.close()
            raise
        self._sweep()
        return connection

    def _sweep(self) -> None:
        """Locks of processes that held no dollar when they died; young ones may be about to."""
        for path in self._holders.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - 86400 and not self._is_alive(path.name):
                    path.unlink()


def _hint(error: Exception) -> str:
    if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return "move broker.db away: a new one is made, which knows nothing of the dollars spent today"
    return "give yourself write permission and room there, or name another folder with NIGHTFORGE_BROKER_DIR"


def _turn(full_at: float, now_s: float, cost_s: float) -> tuple[float, float]:
    """(when the bucket is full again after this one, when this one's turn is)."""
    base = max(full_at, now_s)
    return base + cost_s, max(now_s, base + min(cost_s, BURST_S) - BURST_S)


def _pace(connection: sqlite3.Connection, endpoint: str, now_s: float) -> tuple[float, float, float]:
    row = connection.execute(
        "SELECT requests_at, tokens_at, paused_until FROM pace WHERE endpoint = ?", (endpoint,)
    ).fetchone()
    if row is None:
        return now_s, now_s, 0.0
    first, second, third = (float(at) if at <= now_s + FAR_S else now_s for at in row)
    return first, second, third


def _keep_pace(
    connection: sqlite3.Connection, endpoint: str, requests_at: float, tokens_at: float, paused_until: float
) -> None:
    connection.execute(
        "INSERT INTO pace VALUES (?, ?, ?, ?) ON CONFLICT (endpoint) DO UPDATE SET requests_at = excluded.requests_at, "
        "tokens_at = excluded.tokens_at, paused_until = excluded.paused_until",
        (endpoint, requests_at, tokens_at, paused_until),
    )


def _book(connection: sqlite3.Connection, day: str, campaign_id: str, pico: int) -> None:
    connection.execute(
        "INSERT INTO spend VALUES (?, ?, ?) ON CONFLICT (day, campaign) DO UPDATE SET pico = pico + excluded.pico",
        (day, campaign_id, pico),
    )


def _sum(connection: sqlite3.Connection, statement: str, day: str) -> int:
    return int(connection.execute(statement, (day,)).fetchone()[0] or 0)


def _pico(cost_usd: float) -> int:
    """Rounded up, never down."""
    if not (math.isfinite(cost_usd) and cost_usd >= 0):
        raise ValueError(f"not an amount: {cost_usd!r}")
    return math.ceil(cost_usd * PICODOLLARS)
