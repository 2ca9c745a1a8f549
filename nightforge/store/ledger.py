"""Counters and events of a campaign, kept in the transaction that changes them.

The ledger row is read (and on PostgreSQL locked) first, changed here, and written once at the end: event numbers
have no gaps and appear in the order of commits, so a display that polls `sequence > last` misses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, bindparam, insert, select, update

from nightforge.domain.base import Json
from nightforge.domain.candidate import Lease
from nightforge.domain.words import CandidateState
from nightforge.errors import NotFound, StoreFault
from nightforge.store.dialects import add_to
from nightforge.store.schema import CAN_RANK, candidate, event, operator_count, reason_count, tally
from nightforge.store.schema import lease as lease_table

CAN_BE_BEST = (CandidateState.CONFIRMED, CandidateState.MEASURED, CandidateState.EVALUATING)
"""A scored candidate counts from the commit of its score on; rejected and suspicious ones never do."""


@dataclass(slots=True)
class Counters:
    """The columns of `tally` that change; the names are those of the table."""

    next_event: int
    candidates: int
    evaluations: int
    evaluations_taken: int
    drafted: int
    building: int
    evaluating: int
    rejected: int
    measured: int
    confirmed: int
    suspicious: int
    model_calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    active_s: float
    best_ordinal: int | None
    best_score: float | None
    best_score_low: float | None
    last_improvement_evaluation: int


_NAMES = tuple(each.name for each in fields(Counters))
_READ = select(*(tally.c[name] for name in _NAMES)).where(tally.c.campaign_key == bindparam("key")).with_for_update()
_READ_AS_HOLDER = _READ.join(
    lease_table,
    (lease_table.c.resource == bindparam("named"))
    & (lease_table.c.owner == bindparam("by"))
    & (lease_table.c.fence == bindparam("held")),
)
"""No row without the lease; with it, its row is locked too: nobody can claim it before this commit."""
_HOLDER = select(lease_table.c.owner, lease_table.c.fence).where(lease_table.c.resource == bindparam("named"))
_WRITE = (
    update(tally)
    .where(tally.c.campaign_key == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in _NAMES})
)
_TOP = (
    select(candidate.c.ordinal, candidate.c.score, candidate.c.score_low)
    .where(candidate.c.campaign_key == bindparam("key"), candidate.c.state == bindparam("state"), CAN_RANK)
    .order_by(candidate.c.score_low.desc(), candidate.c.ordinal)
    .limit(1)
)
_APPEND = insert(event)


class Ledger:
    """`with Ledger(...) as ledger:` around the statements of one job, or of several jobs of one transaction.

    With a `lease` it raises StoreFault, before anything is written, unless that very claim still stands.
    """

    def __init__(self, connection: Connection, campaign_key: int, at_us: int, lease: Lease | None = None) -> None:
        self.connection = connection
        self.campaign_key = campaign_key
        self.at_us = at_us
        self.lease = lease
        self._events: list[dict[str, object]] = []

    def __enter__(self) -> Self:
        return self.open()

    def open(self) -> Self:
        """Read (and lock) the counters."""
        lease = self.lease
        if lease is None:
            row = self.connection.execute(_READ, {"key": self.campaign_key}).first()
        else:
            claim = {"named": lease.resource, "by": lease.owner, "held": lease.fence}
            row = self.connection.execute(_READ_AS_HOLDER, {"key": self.campaign_key, **claim}).first()
            if row is None:
                self._check_holder(lease)
        if row is None:
            raise NotFound("the campaign is no longer in the database", where="store")
        self._before = tuple(row)
        self.counters = Counters(*row)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def close(self) -> None:
        """Write the counters and the events."""
        for each in self._events:
            each["sequence"] = self.counters.next_event
            self.counters.next_event += 1
        after = tuple(getattr(self.counters, name) for name in _NAMES)
        if after != self._before:
            values = {f"new_{name}": value for name, value in zip(_NAMES, after, strict=True)}
            self.connection.execute(_WRITE, {"key": self.campaign_key, **values})
        if self._events:
            self.connection.execute(_APPEND, self._events)

    def _check_holder(self, held: Lease) -> None:
        row = self.connection.execute(_HOLDER, {"named": held.resource}).first()
        if row is None or (row.owner, row.fence) != (held.owner, held.fence):
            holder = "nobody" if row is None else row.owner
            raise StoreFault(
                f"this process no longer holds {held.resource}: {holder} does",
                where="store",
                hint="another process took the work over; nothing was written, and this one should end",
            )

    def record(self, kind: str, payload: Mapping[str, Json] | None = None, *, ordinal: int | None = None) -> None:
        self._events.append(
            {
                "campaign_key": self.campaign_key,
                "at_us": self.at_us,
                "kind": kind,
                "ordinal": ordinal,
                "payload": json.dumps(payload, separators=(",", ":"), allow_nan=False) if payload else None,
            }
        )

    def count_state(self, old: str | None, new: str) -> None:
        if old is not None:
            setattr(self.counters, old, getattr(self.counters, old) - 1)
        setattr(self.counters, new, getattr(self.counters, new) + 1)

    def count_reason(self, reason: str, change: int) -> None:
        if reason:
            row = {"campaign_key": self.campaign_key, "reason": reason, "candidates": change}
            add_to(self.connection, reason_count, row)

    def count_operator(self, name: str, *, candidates: int = 0, measured: int = 0) -> None:
        row = {"campaign_key": self.campaign_key, "operator_name": name, "candidates": candidates, "measured": measured}
        add_to(self.connection, operator_count, row)

    def offer_best(self, ordinal: int, score: float, score_low: float) -> None:
        """Take a newly scored candidate as best when it is; of equals the first ordinal stays."""
        now = self.counters
        best = None if now.best_score_low is None else (now.best_score_low, -(now.best_ordinal or 0))
        if best is None or (score_low, -ordinal) > best:
            self._set_best(ordinal, score, score_low)

    def find_best(self) -> None:
        """After a candidate left or came back: look the best up again, by index."""
        rows = [
            row
            for state in CAN_BE_BEST
            if (row := self.connection.execute(_TOP, {"key": self.campaign_key, "state": state}).first()) is not None
        ]
        top = max(rows, key=lambda row: (row.score_low, -row.ordinal), default=None)
        if top is None:
            self._set_best(None, None, None)
        else:
            self._set_best(top.ordinal, top.score, top.score_low)

    def _set_best(self, ordinal: int | None, score: float | None, score_low: float | None) -> None:
        now = self.counters
        if (now.best_ordinal, now.best_score, now.best_score_low) == (ordinal, score, score_low):
            return
        if score_low is not None and (now.best_score_low is None or score_low > now.best_score_low):
            now.last_improvement_evaluation = now.evaluations
        now.best_ordinal, now.best_score, now.best_score_low = ordinal, score, score_low
        self.record("candidate.best", {"score": score, "score_low": score_low}, ordinal=ordinal)


class Ledgers:
    """The open transaction. Jobs committed together share the ledger of a campaign: it is read, and written, once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: dict[int, Ledger] = {}

    def of(self, campaign_key: int, at_us: int, lease: Lease | None) -> Ledger:
        """The campaign's ledger, for a job of `at_us`. Raises StoreFault when the lease is not held."""
        ledger = self._open.get(campaign_key)
        if ledger is None or ledger.lease != lease:
            self.close()
            ledger = self._open[campaign_key] = Ledger(self._connection, campaign_key, at_us, lease).open()
        ledger.at_us = at_us
        return ledger

    def plain(self) -> Connection:
        """For a job that may change what ledgers were read from, leases among it."""
        self.close()
        return self._connection

    def close(self) -> None:
        """Write what all of them changed."""
        for ledger in self._open.values():
            ledger.close()
        self._open.clear()
