"""The course of a campaign as a few hundred points, whatever its length."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from nightforge.domain.candidate import TracePoint
from nightforge.domain.words import CandidateState
from nightforge.store.base import StoreBase
from nightforge.store.schema import CAN_RANK, candidate

BEST_KEPT = 300
"""Of the best of each state: the line of the best so far ends at the true best."""
_AT_ONCE = 500
_COLUMNS = (candidate.c.ordinal, candidate.c.state, candidate.c.score, candidate.c.score_low)
_OF_CAMPAIGN = candidate.c.campaign_key == bindparam("key")
_LAST = select(func.max(candidate.c.ordinal)).where(_OF_CAMPAIGN)
_ALL = select(*_COLUMNS).where(_OF_CAMPAIGN).order_by(candidate.c.ordinal)
_NAMED = select(*_COLUMNS).where(_OF_CAMPAIGN, candidate.c.ordinal.in_(bindparam("named", expanding=True)))
_TOP = (
    select(*_COLUMNS)
    .where(_OF_CAMPAIGN, candidate.c.state == bindparam("stands"), CAN_RANK)
    .order_by(candidate.c.score_low.desc(), candidate.c.ordinal)
    .limit(BEST_KEPT)
)
_STANDING = (CandidateState.CONFIRMED, CandidateState.MEASURED)


class TraceReads(StoreBase):
    def trace(self, campaign_id: str, *, most: int = 1500) -> Sequence[TracePoint]:
        """Candidates in the order of their making: all of them up to `most`; beyond, every n-th and the best."""
        key = self._key(campaign_id)
        with self._look() as connection:
            last = connection.execute(_LAST, {"key": key}).scalar()
            if last is None:
                return ()
            if last < most:
                rows = list(connection.execute(_ALL, {"key": key}).all())
            else:
                sample = range(0, last + 1, -(-(last + 1) // most))
                rows = []
                for at in range(0, len(sample), _AT_ONCE):
                    rows += connection.execute(_NAMED, {"key": key, "named": list(sample[at : at + _AT_ONCE])}).all()
                for state in _STANDING:
                    rows += connection.execute(_TOP, {"key": key, "stands": state}).all()
        by_ordinal = {row.ordinal: row for row in rows}
        return tuple(
            TracePoint(row.ordinal, CandidateState(row.state), row.score, row.score_low)
            for _, row in sorted(by_ordinal.items())
        )
