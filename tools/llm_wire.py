"""The chat-completions wire format: one request body out, one checked answer in.

Servers that call themselves OpenAI-compatible send HTML with 200, empty choices, errors with 200, usage as strings or
none at all. What the SDK would hand through as success is checked here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nightforge.domain.base import Json
from nightforge.domain.model import Message, Usage
from nightforge.domain.plan import ModelSpec
from tools.llm_errors import Consequence, Failure, redact, sick
from tools.structured import LADDER, Rung

MOST_TOKENS = 1 << 40
TOKENS_PER_MESSAGE = 16
"""Upper bound of what a chat template adds per message."""
TOKENS_PER_REQUEST = 256
"""Upper bound of a template's own preamble."""


def dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def storable(text: str) -> str:
    """Text that can be encoded: a reply may escape half a surrogate pair, a quoted log may hold raw bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def messages_json(messages: Sequence[Message]) -> bytes:
    return dumps([{"role": message.role, "content": message.content} for message in messages])


def request_sha(messages: bytes, schema: bytes) -> str:
    """Identity of a request: what is asked, and the form of the answer.

    The model, its parameters and the attempt are left out on purpose: a committed reply answers the question
    whichever member of the ensemble gave it, also after the person changed the ensemble.
    """
    return hashlib.sha256(messages + b"\0" + schema).hexdigest()


@dataclass(frozen=True)
class Dialect:
    """How one model of one server likes to be asked; a new one is learned from each of its 400s."""

    rung: Rung = Rung.JSON_SCHEMA
    tokens_name: str = "max_tokens"
    sends_temperature: bool = True
    disliked: frozenset[str] = frozenset()

    def without(self, slug: str) -> Dialect | None:
        """The next way of asking after a complaint about `slug`; None when there is none left."""
        if slug == "response_format":
            rung = LADDER.index(self.rung) + 1
            return replace(self, rung=LADDER[rung]) if rung < len(LADDER) else None
        if slug in self.disliked:
            return None
        disliked = self.disliked | {slug}
        if slug == "temperature":
            return replace(self, sends_temperature=False, disliked=disliked)
        other = "max_tokens" if self.tokens_name == "max_completion_tokens" else "max_completion_tokens"
        return replace(self, tokens_name=other, disliked=disliked)


def request_body(
    spec: ModelSpec, dialect: Dialect, messages: bytes, response_format: Mapping[str, Json] | None
) -> bytes:
    """The body, with the messages spliced in as they were serialised for the request's identity."""
    head: dict[str, object] = {"model": spec.model, dialect.tokens_name: spec.max_output_tokens}
    if spec.temperature is not None and dialect.sends_temperature:
        head["temperature"] = spec.temperature
    if response_format is not None:
        head["response_format"] = response_format
    return dumps(head)[:-1] + b',"messages":' + messages + b"}"


def tokens_in_bound(body: bytes, message_count: int) -> int:
    """More tokens than any tokenizer makes of the request: none makes more than one of a byte."""
    return len(body) + TOKENS_PER_MESSAGE * message_count + TOKENS_PER_REQUEST


@dataclass(frozen=True)
class Answer:
    """A complete reply. `usage` None means that the server did not say (or said nonsense)."""

    text: str
    finish_reason: str
    usage: Usage | None
    refusal: str = ""


def parse_answer(raw: bytes, *, secret: str = "") -> Answer | Failure:
    """A checked answer, or why it is none. A cut answer (`length`) is returned: its caller knows what it is for."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return _not_json(raw)
    if not isinstance(document, dict):
        return sick("the reply is not a JSON object", "malformed")
    if document.get("error"):
        return _error_in_disguise(document["error"], secret)
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return sick("the reply has no message", "no_choices", parse_usage(document.get("usage"), has_text=False))
    text = _text(message.get("content"))
    usage = parse_usage(document.get("usage"), has_text=bool(text))
    finish_reason = choice.get("finish_reason")
    if not isinstance(finish_reason, str) or not finish_reason:
        return sick("the reply has no finish_reason, so that it may be cut", "no_finish_reason", usage)
    return Answer(text, redact(finish_reason)[:40], usage, redact(_text(message.get("refusal")), secret))


def _not_json(raw: bytes) -> Failure:
    start = raw[:200].lstrip().lower()
    if not start:
        return sick("the reply is empty", "empty_body")
    if start.startswith((b"<!doctype", b"<html", b"<")):
        return sick("the reply is a web page: a proxy or a wrong base URL answers", "web_page")
    if start.startswith((b"data:", b"event:", b":")):
        return sick("the reply is an event stream, which was not asked for", "event_stream")
    return sick("the reply is not JSON, or is cut", "malformed")


def _error_in_disguise(error: object, secret: str) -> Failure:
    said = error.get("message") if isinstance(error, dict) else error
    what = f"an error with status 200: {redact(str(said), secret)}"
    return Failure(Consequence.RETRY, what, "error_with_200", is_sick=True, may_be_billed=False)


def _text(content: object) -> str:
    """Plain text, or the text parts of a list of parts."""
    if isinstance(content, str):
        return storable(content)
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return storable("".join(part for part in parts if isinstance(part, str)))
    return ""


def parse_usage(usage: object, *, has_text: bool) -> Usage | None:
    """Token counts as the server reports them; None when they are missing, of a wrong kind or impossible.

    Whole numbers in strings are accepted. No output tokens for a text is impossible, and so are no input tokens.
    """
    if not isinstance(usage, dict):
        return None
    tokens_in = _count(usage.get("prompt_tokens"))
    tokens_out = _count(usage.get("completion_tokens"))
    if not tokens_in or tokens_out is None or (has_text and tokens_out == 0):
        return None
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(tokens_in=tokens_in, tokens_out=tokens_out, tokens_cached=min(cached or 0, tokens_in))


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_TOKENS else None
