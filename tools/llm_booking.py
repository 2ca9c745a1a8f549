"""The books of one attempt: reserved and a row before its bytes leave, settled after, whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from nightforge.domain.model import CallKey, CallState, Message, ModelCall, Usage
from nightforge.domain.plan import ModelSpec
from nightforge.domain.ports import Clock, Store
from tools import pricing
from tools.broker import FREE, Broker, Held, Rate
from tools.budget import BudgetMeter, Reservation
from tools.llm_endpoint import Member
from tools.llm_errors import Failure
from tools.llm_wire import Answer, tokens_in_bound


@dataclass
class Bill:
    """What all attempts for one reply took together."""

    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    latency_s: float = 0.0
    model: str = ""
    member: Member | None = None
    """Who gave the newest answer; None when it was read from its row."""
    is_replayed: bool = True

    def add(self, usage: Usage, cost_usd: float, latency_s: float = 0.0) -> None:
        self.cost_usd += cost_usd
        self.latency_s += latency_s
        self.usage = Usage(
            tokens_in=self.usage.tokens_in + usage.tokens_in,
            tokens_out=self.usage.tokens_out + usage.tokens_out,
            tokens_cached=self.usage.tokens_cached + usage.tokens_cached,
            tokens_reasoning=self.usage.tokens_reasoning + usage.tokens_reasoning,
            estimated=self.usage.estimated or usage.estimated,
        )


@dataclass(frozen=True)
class Sent:
    """An attempt whose bytes have left, or are about to."""

    call: ModelCall
    member: Member
    reservation: Reservation
    held: Held
    bound: Usage
    reserve_usd: float
    tokens_admitted: int
    at_s: float


@dataclass(frozen=True)
class Books:
    store: Store
    budget: BudgetMeter
    clock: Clock
    broker: Broker

    async def turn(self, member: Member, body: bytes, *, patience_s: float, pause_s: float) -> int:
        """Wait for the machine's turn; returns the tokens that were admitted. Raises NoTurn.

        The bound takes each byte for a token: right for money, and several times what a provider counts.
        """
        tokens = member.traits.tokens_of(len(body)) + member.spec.max_output_tokens
        await self.broker.admit(
            member.endpoint.account, rate_of(member.spec), tokens=tokens, patience_s=patience_s, pause_s=pause_s
        )
        return tokens

    async def return_turn(self, member: Member, tokens: int) -> None:
        """Nothing was sent in it."""
        await self.broker.refund(member.endpoint.account, rate_of(member.spec), tokens=tokens)

    async def open(
        self, key: CallKey, sha: str, member: Member, messages: Sequence[Message], body: bytes, *, tokens: int
    ) -> Sent:
        """Reserve the worst case and commit the row. `tokens` were admitted for it."""
        spec = member.spec
        bound = Usage(tokens_in=tokens_in_bound(body, len(messages)), tokens_out=spec.max_output_tokens, estimated=True)
        reserve_usd = pricing.cost_usd(spec, tokens_in=bound.tokens_in, tokens_out=bound.tokens_out)
        reservation = await self.budget.reserve_when_free(
            cost_usd=reserve_usd, tokens=bound.tokens_in + bound.tokens_out
        )
        held: Held = FREE
        try:
            held = await self.broker.hold(reserve_usd, campaign_id=key.campaign_id)
            call = await self.store.open_call(key, sha, messages, model=spec.model, reserved_usd=reserve_usd)
        except BaseException:
            reservation.release()
            await held.release()
            raise
        return Sent(call, member, reservation, held, bound, reserve_usd, tokens, self.clock.monotonic())

    async def answered(self, sent: Sent, answer: Answer, bill: Bill) -> None:
        usage, cost_usd = await self._settle(sent, answer.usage)
        latency_s = self.clock.monotonic() - sent.at_s
        bill.add(usage, cost_usd, latency_s)
        await self.store.close_call(
            sent.call.call_id,
            CallState.ANSWERED,
            reply_text=answer.text,
            finish_reason=answer.finish_reason,
            usage=usage,
            cost_usd=cost_usd,
            latency_s=latency_s,
        )

    async def failed(self, sent: Sent, failure: Failure, bill: Bill) -> None:
        usage, cost_usd = await self._settle(sent, failure.usage if failure.may_be_billed else Usage())
        latency_s = self.clock.monotonic() - sent.at_s
        bill.add(usage, cost_usd, latency_s)
        await self.store.close_call(
            sent.call.call_id,
            CallState.FAILED,
            usage=usage,
            cost_usd=cost_usd,
            latency_s=latency_s,
            error=f"{failure.slug}: {failure.what}",
        )

    async def lost(self, sent: Sent, bill: Bill) -> None:
        """Cancelled in flight: the provider may work on, so the reserve is spent."""
        await asyncio.shield(self._lose(sent, bill))

    async def _lose(self, sent: Sent, bill: Bill) -> None:
        usage, cost_usd = await self._settle(sent, None)
        bill.add(usage, cost_usd)
        await self.store.close_call(
            sent.call.call_id,
            CallState.LOST,
            usage=usage,
            cost_usd=cost_usd,
            latency_s=self.clock.monotonic() - sent.at_s,
            error="cancelled: ended on our side before an answer came",
        )

    async def _settle(self, sent: Sent, usage: Usage | None) -> tuple[Usage, float]:
        """Book the reported usage, or the whole reserve when none was reported."""
        spec = sent.member.spec
        if usage is None:
            usage, cost_usd = sent.bound, sent.reserve_usd
            sent.reservation.settle_in_full()
        else:
            cost_usd = pricing.cost_usd(
                spec, tokens_in=usage.tokens_in, tokens_out=usage.tokens_out, tokens_cached=usage.tokens_cached
            )
            sent.reservation.settle(cost_usd=cost_usd, tokens=usage.tokens_in + usage.tokens_out)
        await sent.held.settle(cost_usd)
        unused = sent.tokens_admitted - usage.tokens_in - usage.tokens_out
        if unused > 0:
            await self.broker.refund(sent.member.endpoint.account, rate_of(spec), tokens=unused)
        return usage, cost_usd


def rate_of(spec: ModelSpec) -> Rate:
    return Rate(requests_per_minute=spec.rates.requests_per_minute, tokens_per_minute=spec.rates.tokens_per_minute)
