"""Writes on model calls: a row before the bytes leave, settled once."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import bindparam, func, insert, select, update

from nightforge.domain.base import Json
from nightforge.domain.model import CallKey, CallState, Message, ModelCall, ModelProfile, Usage
from nightforge.errors import NotFound
from nightforge.store.base import StoreBase, to_datetime
from nightforge.store.blobs import digest_of, save_new_text, save_texts
from nightforge.store.dialects import put
from nightforge.store.ledger import Ledger
from nightforge.store.schema import IS_SENT, call, call_message, campaign, model_profile

_SAME_KEY = (
    call.c.campaign_key == bindparam("key"),
    call.c.ordinal.is_not_distinct_from(bindparam("at")),
    call.c.step == bindparam("at_step"),
    call.c.role == bindparam("by_role"),
    call.c.request_sha == bindparam("sha"),
)
_EARLIER = select(func.count()).select_from(call).where(*_SAME_KEY)
_NEW = insert(call).values(attempt=_EARLIER.scalar_subquery()).returning(call.c.call_id, call.c.attempt)
_UNSETTLED: dict[str, object] = {
    "cost_usd": 0.0,
    "tokens_in": 0,
    "tokens_out": 0,
    "tokens_cached": 0,
    "tokens_reasoning": 0,
    "estimated": 0,
    "latency_s": 0.0,
    "error": "",
    "finish_reason": "",
}
_NEW_MESSAGES = insert(call_message)
_OWNER = (
    select(campaign.c.campaign_id)
    .join(call, call.c.campaign_key == campaign.c.campaign_key)
    .where(call.c.call_id == bindparam("id"))
)
_SETTLE = (
    update(call)
    .where(call.c.call_id == bindparam("id"), IS_SENT)
    .values(
        state=bindparam("new_state"),
        reply_sha=bindparam("new_reply_sha"),
        finish_reason=bindparam("new_finish_reason"),
        tokens_in=bindparam("new_tokens_in"),
        tokens_out=bindparam("new_tokens_out"),
        tokens_cached=bindparam("new_tokens_cached"),
        tokens_reasoning=bindparam("new_tokens_reasoning"),
        estimated=bindparam("new_estimated"),
        cost_usd=bindparam("new_cost_usd"),
        latency_s=bindparam("new_latency_s"),
        error=bindparam("new_error"),
    )
    .returning(call.c.ordinal)
)
_IN_FLIGHT = (
    select(call.c.call_id, call.c.reserved_usd).where(call.c.campaign_key == bindparam("key"), IS_SENT)
).order_by(call.c.call_id)
_LOSE = (
    update(call)
    .where(call.c.campaign_key == bindparam("key"), IS_SENT)
    .values(state=CallState.LOST.value, cost_usd=call.c.reserved_usd)
)


class CallWrites(StoreBase):
    async def open_call(
        self, key: CallKey, request_sha: str, messages: Sequence[Message], *, model: str, reserved_usd: float
    ) -> ModelCall:
        _check_cost("reserved_usd", reserved_usd)
        digests = [digest_of(message.content) for message in messages]
        texts = {digest: message.content for digest, message in zip(digests, messages, strict=True)}

        def job(ledger: Ledger) -> ModelCall:
            connection = ledger.connection
            same = {"key": ledger.campaign_key, "at": key.ordinal, "at_step": key.step, "by_role": key.role}
            row = {
                "campaign_key": ledger.campaign_key,
                "ordinal": key.ordinal,
                "step": key.step,
                "role": key.role,
                "request_sha": request_sha,
                "model": model,
                "state": CallState.SENT,
                "reserved_usd": reserved_usd,
                "sent_us": ledger.at_us,
                **_UNSETTLED,
            }
            call_id, attempt = connection.execute(_NEW, {**row, **same, "sha": request_sha}).one()
            save_texts(connection, texts)
            rows = [
                {"call_id": call_id, "position": position, "role": message.role, "content_sha": digest}
                for position, (message, digest) in enumerate(zip(messages, digests, strict=True))
            ]
            if rows:
                connection.execute(_NEW_MESSAGES, rows)
            ledger.counters.model_calls += 1
            payload: dict[str, Json] = {"call_id": call_id, "step": key.step, "model": model}
            ledger.record("call.sent", payload, ordinal=key.ordinal)
            return ModelCall(
                call_id=call_id,
                key=key,
                request_sha=request_sha,
                model=model,
                attempt=attempt,
                state=CallState.SENT,
                reserved_usd=reserved_usd,
                sent_at=to_datetime(ledger.at_us),
            )

        opened = await self._write(key.campaign_id, job)
        self._campaigns_of_calls[opened.call_id] = key.campaign_id
        return opened

    async def close_call(
        self,
        call_id: int,
        state: CallState,
        *,
        reply_text: str | None = None,
        finish_reason: str = "",
        usage: Usage = Usage(),
        cost_usd: float = 0.0,
        latency_s: float = 0.0,
        error: str = "",
    ) -> None:
        """Only a call in state `sent` is settled; a second settlement changes nothing, nor does one after `lost`."""
        if state is CallState.SENT:
            raise ValueError("a call cannot be closed as sent")
        _check_cost("cost_usd", cost_usd)
        reply_sha = None if reply_text is None else digest_of(reply_text)

        def job(ledger: Ledger) -> None:
            connection = ledger.connection
            if reply_text is not None and reply_sha is not None:
                save_new_text(connection, reply_sha, reply_text)
            values = {
                "new_state": state,
                "new_reply_sha": reply_sha,
                "new_finish_reason": finish_reason,
                "new_tokens_in": usage.tokens_in,
                "new_tokens_out": usage.tokens_out,
                "new_tokens_cached": usage.tokens_cached,
                "new_tokens_reasoning": usage.tokens_reasoning,
                "new_estimated": int(usage.estimated),
                "new_cost_usd": cost_usd,
                "new_latency_s": latency_s,
                "new_error": error,
            }
            settled = connection.execute(_SETTLE, {"id": call_id, **values}).first()
            if settled is None:
                return
            ledger.counters.tokens_in += usage.tokens_in
            ledger.counters.tokens_out += usage.tokens_out
            ledger.counters.cost_usd += cost_usd
            payload: dict[str, Json] = {
                "call_id": call_id,
                "state": state,
                "tokens_in": usage.tokens_in,
                "tokens_out": usage.tokens_out,
                "cost_usd": cost_usd,
            }
            ledger.record("call.settled", payload, ordinal=settled.ordinal)

        await self._write(self._campaign_of_call(call_id), job)
        self._campaigns_of_calls.pop(call_id, None)

    def _campaign_of_call(self, call_id: int) -> str:
        known = self._campaigns_of_calls.get(call_id)
        if known is not None:
            return known
        with self._look() as connection:
            campaign_id = connection.execute(_OWNER, {"id": call_id}).scalar()
        if campaign_id is None:
            raise NotFound(f"there is no model call {call_id}", where="store", hint="`nightforge show` lists the calls")
        return str(campaign_id)

    async def save_model_profile(self, profile: ModelProfile) -> None:
        row = {"base_url": profile.base_url, "model": profile.model, "profile": profile.model_dump_json()}
        await self._writer.run(lambda connection: put(connection, model_profile, row))

    async def book_lost_calls(self, campaign_id: str) -> int:
        def job(ledger: Ledger) -> int:
            rows = ledger.connection.execute(_IN_FLIGHT, {"key": ledger.campaign_key}).all()
            if not rows:
                return 0
            ledger.connection.execute(_LOSE, {"key": ledger.campaign_key})
            reserved = math.fsum(row.reserved_usd for row in rows)
            ledger.counters.cost_usd += reserved
            ledger.record("calls.lost", {"calls": [row.call_id for row in rows], "cost_usd": reserved})
            return len(rows)

        return await self._write(campaign_id, job)


def _check_cost(name: str, dollars: float) -> None:
    if not math.isfinite(dollars) or dollars < 0:
        raise ValueError(f"{name} must be a finite number of dollars >= 0, not {dollars}")
