"""The model client: one answer from the ensemble, within budget, every attempt a row before its bytes leave.

The order of one attempt is reserve, row, bytes, settle, row. A process killed between two of these leaves either
nothing or a row in state `sent`, whose reserve is booked on resume; a reply that was committed is read from its row
and never asked for again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TypeVar

from pydantic import BaseModel, SecretStr

from nightforge.domain.model import CallKey, CallState, Message, ModelCall, Reply, Usage
from nightforge.domain.plan import ModelSpec
from nightforge.domain.ports import Clock, Store
from nightforge.errors import ModelAccessRefused, ModelFault
from tools import pricing
from tools.budget import BudgetMeter, Reservation
from tools.llm_endpoint import Endpoint, Member, first_dialect
from tools.llm_errors import Consequence, Failure, UnusableReply, redact
from tools.llm_wire import Answer, Dialect, messages_json, request_body, request_sha, storable, tokens_in_bound
from tools.retrying import Backoff
from tools.structured import Complaint, Form, Rung, form_of, read_form, repair_messages, strip_thinking

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=BaseModel)

MAX_ATTEMPTS = 8
"""Of one request over the whole ensemble; the total deadline usually ends it earlier."""
MAX_TIMEOUTS = 2
"""Of one model in one request: each may have cost a whole reply."""

REFUSAL = "refusal"
"""Our finish reason for a reply that says no in the field made for it."""

UNUSABLE = {
    "length": ("truncated", "the reply was cut at the output limit", "raise max_output_tokens of the model"),
    "content_filter": ("refused", "the endpoint's filter stopped the reply", "use another model for this goal"),
    REFUSAL: ("refused", "the model refuses", "use another model for this goal"),
}
"""Finish reason → reason slug, what, hint. Such replies are kept as they are and never asked for again."""


@dataclass
class Request:
    """One request on its way through the ensemble."""

    key: CallKey
    messages: Sequence[Message]
    form: Form | None
    wire: bytes
    sha: str
    failures: dict[int, int] = field(default_factory=dict)
    """Member index → failed attempts of this request."""
    timeouts: dict[int, int] = field(default_factory=dict)
    not_before_s: dict[int, float] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)
    deadline_s: float | None = None
    last: Failure | None = None
    last_where: str = ""

    @property
    def attempts(self) -> int:
        return sum(self.failures.values())


@dataclass
class Bill:
    """What all attempts for one reply took together."""

    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    latency_s: float = 0.0
    model: str = ""
    is_replayed: bool = True

    def add(self, usage: Usage, cost_usd: float, latency_s: float = 0.0) -> None:
        self.cost_usd += cost_usd
        self.latency_s += latency_s
        self.usage = Usage(
            tokens_in=self.usage.tokens_in + usage.tokens_in,
            tokens_out=self.usage.tokens_out + usage.tokens_out,
            tokens_cached=self.usage.tokens_cached + usage.tokens_cached,
            estimated=self.usage.estimated or usage.estimated,
        )


class OpenAIModelClient:
    """Implements `nightforge.domain.ports.ModelClient` for any OpenAI-compatible endpoint.

    `models` in order of preference; later ones step in when an earlier one fails. `request_timeout_s` bounds one
    attempt from its first to its last byte, `total_timeout_s` all attempts of one request together (waiting for a
    free slot apart). Raises as the port says; a reply that came and cannot be used raises `UnusableReply`, a
    ModelFault with a `reason`.
    """

    def __init__(
        self,
        *,
        models: tuple[ModelSpec, ...],
        api_key: SecretStr | str | None,
        store: Store,
        budget: BudgetMeter,
        clock: Clock,
        random: Random,
        request_timeout_s: float = 120.0,
        total_timeout_s: float = 300.0,
        max_concurrent_calls: int = 4,
        base_url: str | None = None,
        proxy_from_env: bool = False,
    ) -> None:
        if not models:
            raise ModelAccessRefused("no model is named", where="models", hint="name one in the settings")
        secret = api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key or ""
        resolved = pricing.resolve(models, base_url=base_url or "")
        self._endpoints = {
            url: Endpoint(
                url,
                secret,
                timeout_s=request_timeout_s,
                max_connections=max_concurrent_calls,
                proxy_from_env=proxy_from_env,
            )
            for url in dict.fromkeys(spec.base_url for spec in resolved)
        }
        self._members = [
            Member(spec, self._endpoints[spec.base_url], first_dialect(spec.base_url)) for spec in resolved
        ]
        self._store = store
        self._budget = budget
        self._clock = clock
        self._random = random
        self._backoff = Backoff()
        self._total_timeout_s = total_timeout_s
        self._slots = asyncio.Semaphore(max_concurrent_calls)

    async def close(self) -> None:
        """End all connections."""
        for endpoint in self._endpoints.values():
            await endpoint.close()

    async def complete(
        self, key: CallKey, messages: Sequence[Message], *, schema: type[T] | None = None, model: str = ""
    ) -> Reply[T]:
        bill = Bill()
        messages = [_storable(message) for message in messages]
        form = None if schema is None else form_of(schema)
        text = await self._answer(key, messages, form, bill)
        if schema is None or form is None:
            return _reply(text, None, bill)
        value = read_form(text, schema)
        if isinstance(value, Complaint):
            again = (*messages, *repair_messages(text, value, form))
            text = await self._answer(key, again, form, bill)
            value = read_form(text, schema)
        if isinstance(value, Complaint):
            raise UnusableReply(
                "unparsable",
                f"the reply does not have the form asked for, also after one repair: {value.text}",
                where=f"{bill.model}, {key.step}",
                hint="a larger model keeps to forms better",
            )
        return _reply(text, value, bill)

    async def _answer(self, key: CallKey, messages: Sequence[Message], form: Form | None, bill: Bill) -> str:
        """The text of a whole answer, from its row or from the ensemble."""
        wire = messages_json(messages)
        sha = request_sha(wire, form.schema if form else b"")
        call = self._store.answered_call(key, sha)
        if call is not None:
            bill.add(call.usage, call.cost_usd, call.latency_s)
            bill.model = call.model
            return _usable(call.reply_text or "", call.finish_reason, call.model)
        bill.is_replayed = False
        request = Request(key, messages, form, wire, sha)
        answer = await self._ask(request, bill)
        return _usable(answer.text, answer.finish_reason, bill.model)

    async def _ask(self, request: Request, bill: Bill) -> Answer:
        """Attempts until one is answered, the deadline passes or nobody is left to ask."""
        while True:
            async with self._slots:
                left_s = self._start_clock(request)
                index = self._next_member(request)
                wait_s = 0.0 if index is None else self._wait_s(request, index)
                if index is not None and wait_s <= 0 and left_s > 0:
                    answer = await self._attempt(request, self._members[index], index, bill, limit_s=left_s)
                    if answer is not None:
                        return answer
                    continue
            if index is None:
                raise self._verdict(request)
            if wait_s > left_s or left_s <= 0:
                parked_s = self._members[index].endpoint.health.wait_s(self._clock.monotonic())
                if parked_s > max(left_s, 0.0):
                    raise self._verdict(request, f"it may not be asked for another {parked_s:.0f} s")
                raise self._verdict(request, f"no answer within {self._total_timeout_s:g} s")
            await self._clock.sleep(wait_s)

    def _start_clock(self, request: Request) -> float:
        """Seconds left of the total deadline, which runs from the first free slot on."""
        now_s = self._clock.monotonic()
        if request.deadline_s is None:
            request.deadline_s = now_s + self._total_timeout_s
        return request.deadline_s - now_s

    def _next_member(self, request: Request) -> int | None:
        """Who is asked next: ready before not, then least failures, then order; None when nobody is left."""
        if request.attempts >= MAX_ATTEMPTS:
            return None
        usable = [
            index
            for index, member in enumerate(self._members)
            if member.refusal is None and index not in request.given_up
        ]
        return min(
            usable,
            key=lambda index: (self._wait_s(request, index), request.failures.get(index, 0), index),
            default=None,
        )

    def _wait_s(self, request: Request, index: int) -> float:
        now_s = self._clock.monotonic()
        own = request.not_before_s.get(index, now_s) - now_s
        return max(own, self._members[index].endpoint.health.wait_s(now_s), 0.0)

    async def _attempt(
        self, request: Request, member: Member, index: int, bill: Bill, *, limit_s: float
    ) -> Answer | None:
        """One attempt: reserve, row, bytes, settle, row. None when it failed."""
        asked = member.dialect
        member.endpoint.health.begin()
        try:
            sent, body = await self._open(request, member)
        except BaseException:
            member.endpoint.health.abandoned()
            raise
        try:
            result = await member.endpoint.post(body, self._clock.now(), limit_s=limit_s)
        except (asyncio.CancelledError, Exception):
            member.endpoint.health.abandoned()
            await self._book_lost(sent, bill)
            raise
        if isinstance(result, Answer):
            result = _judge(result)
        bill.model = member.spec.model
        if isinstance(result, Failure):
            await self._close_failed(sent, result, bill)
            self._learn(request, member, index, asked, result)
            return None
        member.endpoint.health.succeeded()
        await self._close_answered(sent, result, bill)
        return result

    async def _open(self, request: Request, member: Member) -> tuple[_Sent, bytes]:
        """Reserve the worst case, commit the row."""
        spec, form, rung = member.spec, request.form, member.dialect.rung
        messages = form.phrase(request.messages, rung) if form else request.messages
        wire = request.wire if messages is request.messages else messages_json(messages)
        body = request_body(spec, member.dialect, wire, form.response_format(rung) if form else None)
        bound = Usage(tokens_in=tokens_in_bound(body, len(messages)), tokens_out=spec.max_output_tokens, estimated=True)
        reserve_usd = pricing.cost_usd(spec, tokens_in=bound.tokens_in, tokens_out=bound.tokens_out)
        reservation = await self._budget.reserve_when_free(
            cost_usd=reserve_usd, tokens=bound.tokens_in + bound.tokens_out
        )
        try:
            call = await self._store.open_call(
                request.key, request.sha, messages, model=spec.model, reserved_usd=reserve_usd
            )
        except BaseException:
            reservation.release()
            raise
        return _Sent(call, spec, reservation, bound, reserve_usd, self._clock.monotonic()), body

    async def _close_answered(self, sent: _Sent, answer: Answer, bill: Bill) -> None:
        usage, cost_usd = sent.settle(answer.usage)
        latency_s = self._clock.monotonic() - sent.at_s
        bill.add(usage, cost_usd, latency_s)
        await self._store.close_call(
            sent.call.call_id,
            CallState.ANSWERED,
            reply_text=answer.text,
            finish_reason=answer.finish_reason,
            usage=usage,
            cost_usd=cost_usd,
            latency_s=latency_s,
        )

    async def _close_failed(self, sent: _Sent, failure: Failure, bill: Bill) -> None:
        usage, cost_usd = sent.settle(failure.usage) if failure.may_be_billed else sent.settle_free()
        latency_s = self._clock.monotonic() - sent.at_s
        bill.add(usage, cost_usd, latency_s)
        await self._store.close_call(
            sent.call.call_id,
            CallState.FAILED,
            usage=usage,
            cost_usd=cost_usd,
            latency_s=latency_s,
            error=f"{failure.slug}: {failure.what}",
        )

    async def _book_lost(self, sent: _Sent, bill: Bill) -> None:
        """Cancelled in flight: the provider may work on, so the reserve is spent."""
        usage, cost_usd = sent.settle(None)
        bill.add(usage, cost_usd)
        closing = self._store.close_call(
            sent.call.call_id,
            CallState.LOST,
            usage=usage,
            cost_usd=cost_usd,
            latency_s=self._clock.monotonic() - sent.at_s,
            error="cancelled: ended on our side before an answer came",
        )
        await asyncio.shield(closing)

    def _learn(self, request: Request, member: Member, index: int, asked: Dialect, failure: Failure) -> None:
        """What a failure changes: the endpoint's health, the model's dialect, who is asked next."""
        health, now_s = member.endpoint.health, self._clock.monotonic()
        request.last, request.last_where = failure, member.where
        if not failure.is_sick:
            health.succeeded()
        elif health.failed(now_s):
            logger.warning("%s does not answer (%s); it is left alone for a while", member.where, failure.what)
        if self._adapt(request, member, asked, failure):
            return
        request.failures[index] = request.failures.get(index, 0) + 1
        if failure.consequence is Consequence.RETRY:
            pause_s = self._backoff.delay_s(request.failures[index], self._random)
            pause_s = max(pause_s, failure.retry_after_s or 0.0)
            request.not_before_s[index] = now_s + pause_s
            if failure.slug == "rate_limited" or failure.retry_after_s:
                health.pause(pause_s, now_s)
            if failure.slug == "timeout":
                request.timeouts[index] = request.timeouts.get(index, 0) + 1
                if request.timeouts[index] >= MAX_TIMEOUTS:
                    request.given_up.add(index)
        elif failure.consequence is Consequence.ACCESS:
            logger.warning("%s refuses: %s", member.where, failure.what)
            member.refusal = failure
        else:
            request.given_up.add(index)

    @staticmethod
    def _adapt(request: Request, member: Member, asked: Dialect, failure: Failure) -> bool:
        """Find another way to ask; True when the request may be sent again at once."""
        slug = failure.slug
        if slug == "bad_request" and request.form is not None and asked.rung is not Rung.PROSE:
            slug = "response_format"  # some servers reject the parameter without naming it
        elif failure.consequence is not Consequence.ADAPT:
            return False
        if member.dialect != asked:
            return True  # another worker has found one meanwhile
        dialect = asked.without(slug)
        if dialect is None:
            return False
        logger.info("%s does not take %s; asked otherwise from now on", member.where, slug)
        member.dialect = dialect
        return True

    def _verdict(self, request: Request, why: str = "") -> ModelFault | ModelAccessRefused:
        """The error that ends a request, from its last failure."""
        last = request.last
        refused = [(member, member.refusal) for member in self._members if member.refusal is not None]
        if len(refused) == len(self._members):
            member, failure = refused[-1]
            return ModelAccessRefused(failure.what, where=member.where, hint=failure.hint)
        if last is not None and not why and last.consequence in (Consequence.UNUSABLE, Consequence.ADAPT):
            return UnusableReply(
                last.slug if last.slug == "context_length" else "bad_request",
                last.what,
                where=request.last_where,
                hint=last.hint,
            )
        said = f"; last: {last.what}" if last else ""
        return ModelFault(
            f"{why or f'no answer after {request.attempts} attempts'}{said}",
            where=request.last_where or self._members[0].where,
            hint=(last.hint if last else "")
            or "the campaign goes on with `nightforge resume` when the endpoint is back",
        )


@dataclass(frozen=True)
class _Sent:
    """An attempt whose bytes have left, or are about to."""

    call: ModelCall
    spec: ModelSpec
    reservation: Reservation
    bound: Usage
    reserve_usd: float
    at_s: float

    def settle(self, usage: Usage | None) -> tuple[Usage, float]:
        """Book the reported usage, or the whole reserve when none was reported."""
        if usage is None:
            self.reservation.settle_in_full()
            return self.bound, self.reserve_usd
        cost_usd = pricing.cost_usd(self.spec, tokens_in=usage.tokens_in, tokens_out=usage.tokens_out)
        self.reservation.settle(cost_usd=cost_usd, tokens=usage.tokens_in + usage.tokens_out)
        return usage, cost_usd

    def settle_free(self) -> tuple[Usage, float]:
        self.reservation.release()
        return Usage(), 0.0


def _storable(message: Message) -> Message:
    content = storable(message.content)
    return message if content is message.content else message.model_copy(update={"content": content})


def _judge(answer: Answer) -> Answer | Failure:
    """A whole answer, or why this reply counts as a failed attempt that was billed."""
    if answer.refusal:
        return replace(answer, text=answer.refusal, finish_reason=REFUSAL)
    if answer.finish_reason in UNUSABLE:
        return answer  # kept as it is: asking again would end in the same place
    if not strip_thinking(answer.text).strip():
        return Failure(Consequence.RETRY, "the reply has no text", "no_text", usage=answer.usage)
    return answer


def _usable(text: str, finish_reason: str, model: str) -> str:
    """The answer proper; a cut one is never used, be it code or a form."""
    if finish_reason not in UNUSABLE:
        return strip_thinking(text)
    reason, what, hint = UNUSABLE[finish_reason]
    said = f": {redact(text)}" if finish_reason == REFUSAL else ""
    raise UnusableReply(reason, what + said, where=model, hint=hint)


def _reply(text: str, value: T | None, bill: Bill) -> Reply[T]:
    return Reply(
        text=text,
        value=value,
        model=bill.model,
        usage=bill.usage,
        cost_usd=bill.cost_usd,
        latency_s=bill.latency_s,
        replayed=bill.is_replayed,
    )


__all__ = ["OpenAIModelClient", "UnusableReply"]
