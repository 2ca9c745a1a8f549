"""Reads on events."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Row, bindparam, select

from nightforge.domain.candidate import Event
from nightforge.store.base import StoreBase, to_datetime
from nightforge.store.schema import event

_AFTER = (
    select(event)
    .where(event.c.campaign_key == bindparam("key"), event.c.sequence > bindparam("last"))
    .order_by(event.c.sequence)
    .limit(bindparam("most"))
)


def to_event(campaign_id: str, row: Row[tuple[object, ...]]) -> Event:
    return Event(
        sequence=row.sequence,
        campaign_id=campaign_id,
        at=to_datetime(row.at_us),
        kind=row.kind,
        ordinal=row.ordinal,
        payload={} if row.payload is None else json.loads(row.payload),
    )


class ControlReads(StoreBase):
    def events(self, campaign_id: str, *, after: int = -1, limit: int = 1000) -> Sequence[Event]:
        """In the order of their commits, without gaps, from the one after `after` on."""
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_AFTER, {"key": key, "last": after, "most": limit}).all()
        return tuple(to_event(campaign_id, row) for row in rows)
