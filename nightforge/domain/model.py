"""Messages to and from language models, and the row that each request is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel

from nightforge.domain.base import Frozen
from nightforge.domain.words import Role

T = TypeVar("T", bound=BaseModel)


class Message(Frozen):
    role: Literal["system", "user", "assistant"]
    content: str


class Usage(Frozen):
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """Of the input."""
    tokens_reasoning: int = 0
    """Of the output, and billed as such: thoughts that the reply does not show."""
    estimated: bool = False
    """True when the endpoint did not report usage and the reserve was booked instead."""


class CallKey(Frozen):
    """Where in a campaign a request belongs: the same key with the same content is the same call."""

    campaign_id: str
    ordinal: int | None = None
    """None for campaign-level calls (planning, report)."""
    step: str
    """`plan`, `plan_step`, `code`, `code.1` (second draft), `repair.1`, `judge` …"""
    role: Role


class CallState(StrEnum):
    SENT = "sent"
    ANSWERED = "answered"
    FAILED = "failed"
    LOST = "lost"
    """In flight when the process died: its reserve is booked as spent, and it is asked again."""


class ModelCall(Frozen):
    """One attempt of one request; a row before the bytes leave."""

    call_id: int
    key: CallKey
    request_sha: str
    model: str
    attempt: int
    state: CallState
    reserved_usd: float = 0.0
    cost_usd: float = 0.0
    usage: Usage = Usage()
    latency_s: float = 0.0
    error: str = ""
    reply_text: str | None = None
    finish_reason: str = ""
    sent_at: datetime


class Reply(Frozen, Generic[T]):
    """A complete, parsed answer. `value` is None when no schema was asked for."""

    text: str
    value: T | None = None
    model: str
    usage: Usage = Usage()
    cost_usd: float = 0.0
    latency_s: float = 0.0
    replayed: bool = False
    """True when the reply was read from the database instead of the endpoint."""


class ModelProfile(Frozen):
    """What a rehearsal found out about a model at a server; dated, because servers change."""

    model: str
    base_url: str
    structure: str
    """How typed replies are asked for: `json_schema`, `json_object`, `tool_call` or `prose`."""
    structure_held: bool
    """A reply came in the form asked for."""
    tokens_name: str
    """What the server calls the output limit."""
    takes_temperature: bool = True
    takes_system: bool = True
    """It has a place for a system message."""
    context_tokens: int | None = None
    """The window, as the settings or the server say; None when neither does."""
    context_held: int = 0
    """Bytes of the longest prompt whose beginning the model could repeat; 0 when none was tried."""
    reasoning_share: float | None = None
    """Share of the output that was unseen reasoning; None when the server does not report it."""
    reports_cached: bool = False
    """The server says how much of the input it had cached."""
    cached_input_usd_per_mtok: float | None = None
    """The price that cached input is booked at; None: that of other input."""
    probed_at: datetime

    def describe(self) -> str:
        """One line for `show` and the report."""
        kept = "kept to" if self.structure_held else "not kept to"
        window = "context not known" if self.context_tokens is None else f"context {self.context_tokens:,} tokens"
        thoughts = "not reported" if self.reasoning_share is None else f"{self.reasoning_share:.0%} of the output"
        price = self.cached_input_usd_per_mtok
        cached = "as other input" if price is None else f"at ${price:g} per million tokens"
        return (
            f"{self.model}: typed replies by {self.structure}, {kept}; {window}, {self.context_held:,} bytes of prompt "
            f"seen whole; reasoning {thoughts}; cached input booked {cached}"
        )


class ModelProfiles(Frozen):
    """The campaign's document `model-profiles`: what its rehearsal found out about each model."""

    profiles: tuple[ModelProfile, ...] = ()
