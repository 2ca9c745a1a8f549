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

from nightforge.domain.model import CallKey, Message, ModelProfile, Reply
from nightforge.domain.plan import ModelSpec
from nightforge.domain.ports import Clock, Store
from nightforge.errors import ModelAccessRefused, ModelFault
from tools import pricing
from tools.broker import Broker, NoBroker, NoTurn
from tools.budget import BudgetMeter
from tools.ensemble import order_of
from tools.llm_booking import Bill, Books, Sent
from tools.llm_endpoint import Endpoint, Member, first_dialect
from tools.llm_errors import Consequence, Failure, UnusableReply, redact
from tools.llm_memory import ModelMemory, write_profile
from tools.llm_wire import Answer, Dialect, messages_json, request_body, request_sha, storable, without_system
from tools.retrying import Backoff
from tools.structured import Complaint, Form, Rung, form_of, read_form, repair_messages, strip_thinking

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=BaseModel)

MAX_ATTEMPTS = 8
"""Of one request over the whole ensemble; the total deadline usually ends it earlier."""
MAX_TIMEOUTS = 2
"""Of one model in one request: each may have cost a whole reply."""
TURN_PATIENCE_S = 30.0
"""A turn at one model that lies further off is left to others, and another of the ensemble is asked."""
QUEUE_S = 3600.0
"""The same where there is no other: who shares a slow account waits, and is not called out of reach."""

REFUSAL = "refusal"
"""Our finish reason for a reply that says no in the field made for it."""

UNUSABLE = {
    "length": ("truncated", "the reply was cut at the output limit", "raise max_output_tokens of the model"),
    "content_filter": ("refused", "the endpoint's filter stopped the reply", "use another model for this goal"),
    REFUSAL: ("refused", "the model refuses", "use another model for this goal"),
}
"""Finish reason → reason slug, what, hint. Such replies are kept as they are and never asked for again."""
THOUGHT_ONLY = "the model thought up to its output limit and answered nothing"


@dataclass
class Request:
    """One request on its way through the ensemble."""

    key: CallKey
    messages: Sequence[Message]
    form: Form | None
    sha: str
    order: Sequence[int]
    """Member indices, the one to ask first in front."""
    deadline_s: float
    """Waiting for a turn, a slot or a budget moves it on."""
    failures: dict[int, int] = field(default_factory=dict)
    """Member index → failed attempts of this request."""
    timeouts: dict[int, int] = field(default_factory=dict)
    not_before_s: dict[int, float] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)
    last: Failure | None = None
    last_where: str = ""

    @property
    def attempts(self) -> int:
        return sum(self.failures.values())


class OpenAIModelClient:
    """Implements `nightforge.domain.ports.ModelClient` for any OpenAI-compatible endpoint.

    `models` are asked as `tools.ensemble` orders them; the others step in when one fails. `request_timeout_s` bounds
    one attempt from its first to its last byte (`first_reply_timeout_s` the first of a model that may have to be
    loaded), `total_timeout_s` all attempts of one request together (waiting for a free slot or for the machine's turn
    apart). Raises as the port says; a reply that came and cannot be used raises `UnusableReply`, a ModelFault with a
    `reason`. `broker` and `memory` are shared by the clients of a process; `seed` makes the choice of models repeat.
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
        first_reply_timeout_s: float | None = None,
        total_timeout_s: float = 300.0,
        max_concurrent_calls: int = 4,
        base_url: str | None = None,
        proxy_from_env: bool = False,
        broker: Broker | None = None,
        memory: ModelMemory | None = None,
        seed: int = 0,
    ) -> None:
        if not models:
            raise ModelAccessRefused("no model is named", where="models", hint="name one in the settings")
        secret = api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key or ""
        resolved = pricing.resolve(models, base_url=base_url or "")
        self._timeout_s = request_timeout_s
        self._first_timeout_s = max(first_reply_timeout_s or 0.0, request_timeout_s)
        self._endpoints = {
            url: Endpoint(
                url,
                secret,
                timeout_s=self._first_timeout_s,
                max_connections=max_concurrent_calls,
                proxy_from_env=proxy_from_env,
            )
            for url in dict.fromkeys(spec.base_url for spec in resolved)
        }
        self._memory = memory or ModelMemory()
        self._members = [
            Member(spec, self._endpoints[spec.base_url], self._memory.of(spec, first_dialect(spec.base_url)))
            for spec in resolved
        ]
        self._store = store
        self._clock = clock
        self._broker = broker or NoBroker()
        self._books = Books(store, budget, clock, self._broker)
        self._random = random
        self._seed = seed
        self._backoff = Backoff()
        self._total_timeout_s = total_timeout_s
        self._slots = asyncio.Semaphore(max_concurrent_calls)

    @property
    def members(self) -> Sequence[Member]:
        return tuple(self._members)

    async def keep_profile(self, member: Member) -> ModelProfile:
        """What is known of a member now, kept for later campaigns."""
        member.traits.profiled_at = self._clock.now()
        profile = write_profile(member.spec, member.traits, self._clock.now())
        await self._memory.keep(profile)
        return profile

    async def close(self) -> None:
        """End all connections."""
        for endpoint in self._endpoints.values():
            await endpoint.close()

    async def complete(
        self, key: CallKey, messages: Sequence[Message], *, schema: type[T] | None = None, model: str = ""
    ) -> Reply[T]:
        bill = Bill()
        messages = [_storable(message) for message in messages]
        order = self._order(key, model)
        if schema is None:
            return _reply(await self._answer(key, messages, None, order, bill), None, bill)
        form = form_of(schema)
        text = await self._answer(key, messages, form, order, bill)
        value = read_form(text, schema)
        if isinstance(value, Complaint):
            self._doubt_form(bill, value)
            again = (*messages, *repair_messages(text, value, form))
            text = await self._answer(key, again, form, order, bill)
            value = read_form(text, schema)
        if isinstance(value, Complaint):
            raise UnusableReply(
                "unparsable",
                f"the reply does not have the form asked for, also after one repair: {value.text}",
                where=f"{bill.model}, {key.step}",
                hint="a larger model keeps to forms better",
            )
        if bill.member is not None:
            bill.member.traits.form_held = True
        return _reply(text, value, bill)

    def _order(self, key: CallKey, model: str) -> Sequence[int]:
        """The same for the same request of a resumed campaign."""
        random = Random(f"{self._seed}:{key.ordinal}:{key.step}:model")
        return order_of([member.spec for member in self._members], model, random)

    @staticmethod
    def _doubt_form(bill: Bill, complaint: Complaint) -> None:
        """A server that takes the parameter and ignores it is asked otherwise from now on, also for the repair."""
        member = bill.member
        if member is None or complaint.has_object or member.traits.form_held:
            return
        other = member.traits.dialect.without("response_format")
        if other is not None:
            logger.info("%s does not keep to %s; asked otherwise", member.where, member.traits.dialect.rung)
            member.traits.dialect = other

    async def _answer(
        self, key: CallKey, messages: Sequence[Message], form: Form | None, order: Sequence[int], bill: Bill
    ) -> str:
        """The text of a whole answer, from its row or from the ensemble."""
        sha = request_sha(messages_json(messages), form.schema if form else b"")
        call = self._store.answered_call(key, sha)
        if call is not None:
            bill.add(call.usage, call.cost_usd, call.latency_s)
            bill.model, bill.member = call.model, None
            return _usable(call.reply_text or "", call.finish_reason, call.model)
        bill.is_replayed = False
        deadline_s = self._clock.monotonic() + self._total_timeout_s
        answer = await self._ask(Request(key, messages, form, sha, order, deadline_s), bill)
        if answer.only_thought:
            raise UnusableReply("truncated", THOUGHT_ONLY, where=bill.model, hint=UNUSABLE["length"][2])
        return _usable(answer.text, answer.finish_reason, bill.model)

    async def _ask(self, request: Request, bill: Bill) -> Answer:
        """Attempts until one is answered, the deadline passes or nobody is left to ask."""
        while True:
            left_s = request.deadline_s - self._clock.monotonic()
            index = self._next_member(request)
            if index is None:
                raise self._verdict(request)
            wait_s = self._wait_s(request, index)
            if wait_s > left_s or left_s <= 0:
                parked_s = self._members[index].endpoint.health.wait_s(self._clock.monotonic())
                if parked_s > max(left_s, 0.0):
                    raise self._verdict(request, f"it may not be asked for another {parked_s:.0f} s")
                raise self._verdict(request, f"no answer within {self._total_timeout_s:g} s")
            if wait_s > 0:
                await self._clock.sleep(wait_s)
                continue
            answer = await self._take_turn(request, index, bill, left_s=left_s)
            if answer is not None:
                return answer

    async def _take_turn(self, request: Request, index: int, bill: Bill, *, left_s: float) -> Answer | None:
        """Wait for the machine's turn, then for a slot, then make one attempt. None when it failed, or came to nothing.

        In this order: who waits for a slow account must not hold a slot that another could use. Neither wait counts
        against the deadline.
        """
        member = self._members[index]
        asked = member.traits.dialect
        messages, body = _phrase(request, member)
        room = member.lacks_room(len(body))
        if room is not None:
            await self._learn(request, index, asked, room)
            return None
        begun_s = self._clock.monotonic()
        patience_s = QUEUE_S if len(request.order) == 1 else TURN_PATIENCE_S
        try:
            tokens = await self._books.turn(member, body, patience_s=patience_s, pause_s=min(left_s, patience_s))
        except NoTurn as late:
            await self._learn(request, index, asked, _no_turn(late))
            return None
        try:
            async with self._slots:
                request.deadline_s += self._clock.monotonic() - begun_s
                if member.traits.dialect == asked and member.refusal is None and self._wait_s(request, index) <= 0:
                    opened, tokens = tokens, 0  # its books give back what it does not use
                    return await self._attempt(request, index, (messages, body), bill, left_s=left_s, tokens=opened)
        finally:
            if tokens:
                await self._books.return_turn(member, tokens)
        return None  # things have changed while it waited

    def _next_member(self, request: Request) -> int | None:
        """Who is asked next: ready before not, then least failures, then the order; None when nobody is left."""
        if request.attempts >= MAX_ATTEMPTS:
            return None
        usable = [
            (self._wait_s(request, index), request.failures.get(index, 0), place, index)
            for place, index in enumerate(request.order)
            if self._members[index].refusal is None and index not in request.given_up
        ]
        return min(usable)[-1] if usable else None

    def _wait_s(self, request: Request, index: int) -> float:
        now_s = self._clock.monotonic()
        own = request.not_before_s.get(index, now_s) - now_s
        return max(own, self._members[index].endpoint.health.wait_s(now_s), 0.0)

    async def _attempt(
        self,
        request: Request,
        index: int,
        phrased: tuple[Sequence[Message], bytes],
        bill: Bill,
        *,
        left_s: float,
        tokens: int,
    ) -> Answer | None:
        """One attempt: reserve, row, bytes, settle, row. None when it failed."""
        member, (messages, body) = self._members[index], phrased
        asked, begun_s = member.traits.dialect, self._clock.monotonic()
        health = member.endpoint.health
        health.begin()
        try:
            sent = await self._books.open(request.key, request.sha, member, messages, body, tokens=tokens)
        except BaseException:
            health.abandoned()
            await self._books.return_turn(member, tokens)
            raise
        request.deadline_s += self._clock.monotonic() - begun_s  # its budget was waited for
        result = await self._send(sent, body, bill, limit_s=left_s)
        bill.model, bill.member = member.spec.model, member
        if isinstance(result, Failure):
            await self._books.failed(sent, result, bill)
            await self._learn(request, index, asked, result)
            return None
        health.succeeded()
        member.traits.learn(result.usage, body_bytes=len(body))
        await self._books.answered(sent, result, bill)
        return result

    async def _send(self, sent: Sent, body: bytes, bill: Bill, *, limit_s: float) -> Answer | Failure:
        member = sent.member
        own_s = self._timeout_s if member.traits.has_answered else self._first_timeout_s
        try:
            result = await member.endpoint.post(body, self._clock.now(), limit_s=min(own_s, limit_s))
        except (asyncio.CancelledError, Exception):
            member.endpoint.health.abandoned()
            await self._books.lost(sent, bill)
            raise
        return _judge(result) if isinstance(result, Answer) else result

    async def _learn(self, request: Request, index: int, asked: Dialect, failure: Failure) -> None:
        """What a failure changes: the endpoint's health, the model's dialect, who is asked next."""
        member = self._members[index]
        health, now_s = member.endpoint.health, self._clock.monotonic()
        request.last, request.last_where = failure, member.where
        if failure.is_sick:
            if health.failed(now_s):
                logger.warning("%s does not answer (%s); it is left alone for a while", member.where, failure.what)
        elif failure.slug not in LOCAL:
            health.succeeded()
        if await self._adapt(request, member, asked, failure):
            return
        request.failures[index] = request.failures.get(index, 0) + 1
        if failure.consequence is Consequence.RETRY:
            pause_s = self._backoff.delay_s(request.failures[index], self._random)
            pause_s = max(pause_s, failure.retry_after_s or 0.0)
            request.not_before_s[index] = now_s + pause_s
            if failure.slug == "rate_limited" or failure.retry_after_s:
                health.pause(pause_s, now_s)
            if failure.retry_after_s:
                await self._broker.pause(member.endpoint.account, failure.retry_after_s)
            if failure.slug == "timeout":
                request.timeouts[index] = request.timeouts.get(index, 0) + 1
                if request.timeouts[index] >= MAX_TIMEOUTS:
                    request.given_up.add(index)
        elif failure.consequence is Consequence.ACCESS:
            logger.warning("%s refuses: %s", member.where, failure.what)
            member.refusal = failure
        else:
            request.given_up.add(index)

    async def _adapt(self, request: Request, member: Member, asked: Dialect, failure: Failure) -> bool:
        """Find another way to ask; True when the request may be sent again at once."""
        slug = failure.slug
        if slug == "bad_request" and request.form is not None and asked.rung is not Rung.PROSE:
            slug = "response_format"  # some servers reject the parameter without naming it
        elif failure.consequence is not Consequence.ADAPT:
            return False
        traits = member.traits
        if traits.dialect != asked:
            return True  # another worker has found one meanwhile
        dialect = asked.without(slug)
        if dialect is None:
            return False
        logger.info("%s does not take %s; asked otherwise from now on", member.where, slug)
        traits.dialect = dialect
        traits.form_held = False
        if traits.profiled_at is not None:
            await self.keep_profile(member)  # the server has changed since it was probed
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
                "context_length" if last.slug in ("context_length", "no_room") else "bad_request",
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


LOCAL = frozenset({"no_turn", "no_room"})
"""Failures before anything was sent: they say nothing of the endpoint's health."""


def _no_turn(late: NoTurn) -> Failure:
    what = f"this machine's campaigns share the endpoint's pace, and {late}"
    return Failure(Consequence.RETRY, what, "no_turn", may_be_billed=False, hint="raise the model's rates, if it has")


def _phrase(request: Request, member: Member) -> tuple[Sequence[Message], bytes]:
    """The messages and the body, as this member likes to be asked."""
    dialect, form = member.traits.dialect, request.form
    messages = form.phrase(request.messages, dialect.rung) if form else request.messages
    if not dialect.sends_system:
        messages = without_system(messages)
    fields = form.fields(dialect.rung) if form else {}
    return messages, request_body(member.spec, dialect, messages_json(messages), fields)


def _storable(message: Message) -> Message:
    content = storable(message.content)
    return message if content is message.content else message.model_copy(update={"content": content})


def _judge(answer: Answer) -> Answer | Failure:
    """A whole answer, or why this reply counts as a failed attempt that was billed."""
    if answer.refusal:
        return replace(answer, text=answer.refusal, finish_reason=REFUSAL)
    if answer.finish_reason in UNUSABLE:
        return answer  # kept as it is: asking again would end in the same place
    if answer.only_thought and answer.finish_reason != "length":
        return Failure(Consequence.RETRY, "the reply has reasoning and no text", "no_text", usage=answer.usage)
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
