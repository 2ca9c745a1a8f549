"""Reads on model calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from sqlalchemy import Connection, Row, bindparam, select

from nightforge.domain.model import CallKey, CallState, Message, ModelCall, ModelProfile, Usage
from nightforge.domain.words import Role
from nightforge.errors import NotFound
from nightforge.store.base import StoreBase, to_datetime
from nightforge.store.blobs import load_texts
from nightforge.store.schema import IS_ANSWERED, call, call_message, model_profile

_ANSWERED = (
    select(call)
    .where(
        call.c.campaign_key == bindparam("key"),
        call.c.ordinal.is_not_distinct_from(bindparam("at")),
        call.c.step == bindparam("at_step"),
        call.c.role == bindparam("by_role"),
        call.c.request_sha == bindparam("sha"),
        IS_ANSWERED,
    )
    .order_by(call.c.call_id.desc())
    .limit(1)
)
_NEWEST = (
    select(call).where(call.c.campaign_key == bindparam("key")).order_by(call.c.call_id.desc()).limit(bindparam("most"))
)
_NEWEST_OF = (
    select(call)
    .where(call.c.campaign_key == bindparam("key"), call.c.ordinal == bindparam("at"))
    .order_by(call.c.call_id.desc())
    .limit(bindparam("most"))
)
_MESSAGES = (
    select(call_message.c.role, call_message.c.content_sha)
    .where(call_message.c.call_id == bindparam("id"))
    .order_by(call_message.c.position)
)
_PROFILE = select(model_profile.c.profile).where(
    model_profile.c.base_url == bindparam("at"), model_profile.c.model == bindparam("named")
)
_EXISTS = select(call.c.call_id).where(call.c.call_id == bindparam("id"))


class CallReads(StoreBase):
    def answered_call(self, key: CallKey, request_sha: str) -> ModelCall | None:
        """The newest answered call of this key and content."""
        campaign_key = self._key(key.campaign_id)
        same = {"key": campaign_key, "at": key.ordinal, "at_step": key.step, "by_role": key.role, "sha": request_sha}
        with self._look() as connection:
            rows = connection.execute(_ANSWERED, same).all()
            found = _to_calls(connection, key.campaign_id, rows)
        return found[0] if found else None

    def calls(self, campaign_id: str, *, ordinal: int | None = None, limit: int = 100) -> Sequence[ModelCall]:
        """Newest first; all of the campaign when `ordinal` is None."""
        key = self._key(campaign_id)
        with self._look() as connection:
            if ordinal is None:
                rows = connection.execute(_NEWEST, {"key": key, "most": limit}).all()
            else:
                rows = connection.execute(_NEWEST_OF, {"key": key, "at": ordinal, "most": limit}).all()
            return _to_calls(connection, campaign_id, rows)

    def call_messages(self, call_id: int) -> Sequence[Message]:
        with self._look() as connection:
            rows = connection.execute(_MESSAGES, {"id": call_id}).all()
            if not rows and connection.execute(_EXISTS, {"id": call_id}).first() is None:
                raise NotFound(f"there is no model call {call_id}", where="store", hint="`nightforge show` lists them")
            texts = load_texts(connection, (bytes(row.content_sha) for row in rows))
        return tuple(
            Message(role=cast(Literal["system", "user", "assistant"], row.role), content=texts[bytes(row.content_sha)])
            for row in rows
        )

    def model_profile(self, base_url: str, model: str) -> ModelProfile | None:
        """What the newest probe found out; None when there was none."""
        with self._look() as connection:
            text = connection.execute(_PROFILE, {"at": base_url, "named": model}).scalar()
        return None if text is None else ModelProfile.model_validate_json(text)


def _to_calls(
    connection: Connection, campaign_id: str, rows: Sequence[Row[tuple[object, ...]]]
) -> tuple[ModelCall, ...]:
    texts = load_texts(connection, (row.reply_sha and bytes(row.reply_sha) for row in rows))
    return tuple(
        ModelCall(
            call_id=row.call_id,
            key=CallKey(campaign_id=campaign_id, ordinal=row.ordinal, step=row.step, role=Role(row.role)),
            request_sha=row.request_sha,
            model=row.model,
            attempt=row.attempt,
            state=CallState(row.state),
            reserved_usd=row.reserved_usd,
            cost_usd=row.cost_usd,
            usage=Usage(
                tokens_in=row.tokens_in,
                tokens_out=row.tokens_out,
                tokens_cached=row.tokens_cached,
                tokens_reasoning=row.tokens_reasoning or 0,
                estimated=bool(row.estimated),
            ),
            latency_s=row.latency_s,
            error=row.error,
            reply_text=None if row.reply_sha is None else texts[bytes(row.reply_sha)],
            finish_reason=row.finish_reason,
            sent_at=to_datetime(row.sent_us),
        )
        for row in rows
    )
