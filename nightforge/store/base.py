"""What every part of the store shares: connections, the clock, and the campaigns' keys."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, Engine, bindparam, select
from sqlalchemy.exc import DBAPIError

from nightforge.domain.candidate import Lease
from nightforge.domain.ports import Clock
from nightforge.errors import NotFound, StoreFault
from nightforge.store.faults import store_fault
from nightforge.store.ledger import Ledger
from nightforge.store.schema import campaign
from nightforge.store.writer import Writer

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NEAR = 5

_KEY = select(campaign.c.campaign_key).where(campaign.c.campaign_id == bindparam("campaign_id"))
_IDS = select(campaign.c.campaign_id).order_by(campaign.c.campaign_key.desc()).limit(1000)


def to_microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


class StoreBase:
    """Reads take a connection of a pool, so any thread may look; writes go through the one writer thread."""

    def __init__(self, *, reader: Engine, writer: Writer, clock: Clock, make_id: Callable[[], str], where: str) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._make_id = make_id
        self._where = where
        self._keys: dict[str, int] = {}
        self._campaigns_of_calls: dict[int, str] = {}
        self._fences: dict[str, Lease] = {}
        self._closed = False

    @property
    def where(self) -> str:
        """The database's path, or its URL without the password."""
        return self._where

    def fence(self, campaign_id: str, lease: Lease | None) -> None:
        """From now on this store writes to the campaign only while no later claim of the lease was made.

        The check is part of each write's transaction: a process that slept through its lease cannot write into its
        successor's work, and gets StoreFault instead. None takes the fence away.
        """
        if lease is None:
            self._fences.pop(campaign_id, None)
        else:
            self._fences[campaign_id] = lease

    def _now_us(self) -> int:
        return to_microseconds(self._clock.now())

    @contextmanager
    def _look(self) -> Iterator[Connection]:
        """A snapshot to read from."""
        if self._closed:
            raise StoreFault("the store is closed", where=self._where, hint="open it again before reading")
        try:
            with self._reader.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise store_fault(error, where=self._where) from error

    def _key(self, campaign_id: str) -> int:
        """The campaign's key in the tables; raises NotFound naming campaigns with a similar id."""
        known = self._keys.get(campaign_id)
        if known is not None:
            return known
        with self._look() as connection:
            key = connection.execute(_KEY, {"campaign_id": campaign_id}).scalar()
            if key is None:
                raise no_campaign(connection, campaign_id)
        self._keys[campaign_id] = key
        return int(key)

    async def _write(self, campaign_id: str, work: Callable[[Ledger], T]) -> T:
        """Commit one job on a campaign: its statements, its counters and its events together."""
        key = self._key(campaign_id)
        at_us = self._now_us()
        lease = self._fences.get(campaign_id)

        return await self._writer.run_with_ledgers(lambda ledgers: work(ledgers.of(key, at_us, lease)))


def no_campaign(connection: Connection, campaign_id: str) -> NotFound:
    ids = list(connection.execute(_IDS).scalars())
    near = difflib.get_close_matches(campaign_id, ids, n=_NEAR, cutoff=0.5)
    if not ids:
        hint = "there is no campaign yet: `nightforge run GOAL` starts one"
    elif near:
        hint = "did you mean " + " or ".join(near) + "?"
    else:
        hint = "the newest are " + ", ".join(ids[:_NEAR]) + "; `nightforge list` shows all"
    return NotFound(f"there is no campaign {campaign_id!r}", where="store", hint=hint)


def no_candidate(campaign_id: str, ordinal: int) -> NotFound:
    return NotFound(
        f"campaign {campaign_id} has no candidate {ordinal}",
        where="store",
        hint=f"`nightforge show {campaign_id}` lists its candidates",
    )
