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
from tools.llm_errors import KEY_HINT, Consequence, Failure, redact, sick
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
    sends_system: bool = True
    """False: the chat template knows no system role, so that its text goes in front of the user's."""
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
        if slug == "system_role":
            return replace(self, sends_system=False, disliked=disliked)
        other = "max_tokens" if self.tokens_name == "max_completion_tokens" else "max_completion_tokens"
        return replace(self, tokens_name=other, disliked=disliked)


def request_body(spec: ModelSpec, dialect: Dialect, messages: bytes, form: Mapping[str, Json]) -> bytes:
    """The body, with the messages spliced in as they were serialised for the request's identity.

    `form` says how the reply is to look; nothing of `extra` can replace what is ours.
    """
    head: dict[str, object] = {**spec.extra, "model": spec.model, dialect.tokens_name: spec.max_output_tokens}
    if spec.temperature is not None and dialect.sends_temperature:
        head["temperature"] = spec.temperature
    head |= form
    head.pop("messages", None)
    return dumps(head)[:-1] + b',"messages":' + messages + b"}"


def without_system(messages: Sequence[Message]) -> Sequence[Message]:
    """The same words for a chat template that knows only user and assistant."""
    said = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if not said or not rest:
        return [Message(role="user", content=message.content) for message in messages]
    return [Message(role=rest[0].role, content=f"{said}\n\n{rest[0].content}"), *rest[1:]]


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
    only_thought: bool = False
    """There is reasoning beside the reply, and no reply."""


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
    if isinstance(choice, dict) and choice.get("error"):
        return _error_in_disguise(choice["error"], secret)  # routers say it there
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return sick("the reply has no message", "no_choices", parse_usage(document.get("usage"), has_text=False))
    text = _text(message.get("content")) or _arguments(message.get("tool_calls"))
    usage = parse_usage(document.get("usage"), has_text=bool(text))
    finish_reason = choice.get("finish_reason")
    if not isinstance(finish_reason, str) or not finish_reason:
        return sick("the reply has no finish_reason, so that it may be cut", "no_finish_reason", usage)
    if finish_reason == "error":
        return sick("the reply ends with an error of the provider behind the server", "error_with_200", usage)
    return Answer(
        text,
        redact(finish_reason)[:40],
        usage,
        refusal=redact(_text(message.get("refusal")), secret),
        only_thought=not text.strip() and bool(_thoughts(message)),
    )


def _thoughts(message: Mapping[str, object]) -> str:
    """Reasoning, which servers put beside the reply under either name."""
    return _text(message.get("reasoning_content")) or _text(message.get("reasoning"))


def _arguments(calls: object) -> str:
    """What the one function was called with, as JSON text; some servers send it as an object."""
    call = calls[0] if isinstance(calls, list) and calls else None
    function = call.get("function") if isinstance(call, dict) else None
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return dumps(arguments).decode() if isinstance(arguments, dict) else _text(arguments)


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
    code = _count(error.get("code")) if isinstance(error, dict) else None
    what = f"an error with status 200: {redact(str(said), secret)}"
    if code in (401, 402, 403):
        return Failure(Consequence.ACCESS, what, "key_refused", may_be_billed=False, hint=KEY_HINT)
    if code == 429:
        return Failure(Consequence.RETRY, what, "rate_limited", may_be_billed=False)
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
    details = usage.get("completion_tokens_details")
    reasoning = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    return Usage(
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=min(cached or 0, tokens_in),
        tokens_reasoning=min(reasoning or 0, tokens_out),
    )


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_TOKENS else None
