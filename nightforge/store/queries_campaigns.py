"""Reads on campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, Row, bindparam, select

from nightforge.domain.candidate import Campaign, Tally
from nightforge.domain.plan import Plan
from nightforge.domain.words import CampaignState, CandidateState
from nightforge.errors import UserError
from nightforge.store.base import StoreBase, no_campaign, to_datetime
from nightforge.store.schema import campaign, document, operator_count, reason_count, tally

T = TypeVar("T", bound=BaseModel)

_EXACT = select(campaign).where(campaign.c.campaign_id == bindparam("wanted"))
_NEWEST = select(campaign).order_by(campaign.c.campaign_key.desc()).limit(bindparam("most"))
_TALLY = select(tally).where(tally.c.campaign_key == bindparam("key"))
_BEST_SCORE = select(tally.c.best_score).where(tally.c.campaign_key == bindparam("key"))
_REASONS = (
    select(reason_count.c.reason, reason_count.c.candidates)
    .where(reason_count.c.campaign_key == bindparam("key"), reason_count.c.candidates > 0)
    .order_by(reason_count.c.candidates.desc(), reason_count.c.reason)
)
_OPERATORS = (
    select(operator_count.c.operator_name, operator_count.c.candidates, operator_count.c.measured)
    .where(operator_count.c.campaign_key == bindparam("key"))
    .order_by(operator_count.c.operator_name)
)
_DOCUMENT = select(document.c.body).where(
    document.c.campaign_key == bindparam("key"), document.c.name == bindparam("called")
)
_AMBIGUOUS_SHOWN = 8


class CampaignReads(StoreBase):
    def campaign(self, campaign_id: str) -> Campaign:
        with self._look() as connection:
            row = connection.execute(_EXACT, {"wanted": campaign_id}).first()
            return _campaign(connection, row or _by_prefix(connection, campaign_id))

    def campaigns(self, *, limit: int = 100) -> Sequence[Campaign]:
        """Newest first."""
        with self._look() as connection:
            rows = connection.execute(_NEWEST, {"most": limit}).all()
            return tuple(_campaign(connection, row) for row in rows)

    def document(self, campaign_id: str, name: str, kind: type[T]) -> T | None:
        key = self._key(campaign_id)
        with self._look() as connection:
            body = connection.execute(_DOCUMENT, {"key": key, "called": name}).scalar()
        return None if body is None else kind.model_validate_json(body)

    def tally(self, campaign_id: str) -> Tally:
        key = self._key(campaign_id)
        with self._look() as connection:
            return _tally(connection, key)

    def best_score(self, campaign_id: str) -> float | None:
        key = self._key(campaign_id)
        with self._look() as connection:
            return connection.execute(_BEST_SCORE, {"key": key}).scalar()

    def operator_counts(self, campaign_id: str) -> dict[str, tuple[int, int]]:
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_OPERATORS, {"key": key}).all()
        return {row.operator_name: (row.candidates, row.measured) for row in rows}


def _by_prefix(connection: Connection, prefix: str) -> Row[tuple[object, ...]]:
    matching = select(campaign).where(campaign.c.campaign_id.startswith(prefix, autoescape=True))
    rows = connection.execute(matching.order_by(campaign.c.campaign_id).limit(_AMBIGUOUS_SHOWN + 1)).all()
    if not rows or not prefix:
        raise no_campaign(connection, prefix)
    if len(rows) > 1:
        ids = [row.campaign_id for row in rows]
        shown = ", ".join(ids[:_AMBIGUOUS_SHOWN]) + (" …" if len(ids) > _AMBIGUOUS_SHOWN else "")
        raise UserError(
            f"{prefix!r} fits several campaigns: {shown}", where="store", hint="type more letters of the id"
        )
    return rows[0]


def _campaign(connection: Connection, row: Row[tuple[object, ...]]) -> Campaign:
    return Campaign(
        campaign_id=row.campaign_id,
        state=CampaignState(row.state),
        plan=Plan.model_validate_json(row.plan),
        tally=_tally(connection, row.campaign_key),
        reason=row.reason,
        tier=row.tier,
        owner=row.owner,
        created_at=to_datetime(row.created_us),
        finished_at=None if row.finished_us is None else to_datetime(row.finished_us),
    )


def _tally(connection: Connection, key: int) -> Tally:
    row = connection.execute(_TALLY, {"key": key}).one()
    reasons = connection.execute(_REASONS, {"key": key}).all()
    by_state = {state: getattr(row, state) for state in CandidateState}
    return Tally(
        candidates=row.candidates,
        evaluations=row.evaluations,
        evaluations_taken=row.evaluations_taken,
        by_state={state: count for state, count in by_state.items() if count},
        by_reason={each.reason: each.candidates for each in reasons},
        model_calls=row.model_calls,
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        cost_usd=row.cost_usd,
        active_s=row.active_s,
        best_ordinal=row.best_ordinal,
        best_score=row.best_score,
        best_score_low=row.best_score_low,
        last_improvement_evaluation=row.last_improvement_evaluation,
    )
