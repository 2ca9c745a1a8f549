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
