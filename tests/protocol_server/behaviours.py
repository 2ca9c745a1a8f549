"""What the server does with one request: each function returns a behaviour, good or bad."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

JsonObject = Mapping[str, object]
USAGE: JsonObject = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire."""

    number: int
    """0 for the first request that this server ever saw."""
    path: str
    headers: Mapping[str, str]
    """Lower-case names."""
    raw: bytes
    body: Mapping[str, object]
    at_s: float
    """Monotonic time of arrival."""

    @property
    def messages(self) -> Sequence[Mapping[str, str]]:
        messages = self.body.get("messages", [])
        return messages if isinstance(messages, list) else []

    @property
    def prompt(self) -> str:
        """All message texts, joined."""
        return "\n".join(message.get("content", "") for message in self.messages)


class Exchange(Protocol):
    """The connection, while one request is answered on it."""

    @property
    def received(self) -> Received: ...
    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None:
        """Wait until the client has taken most of what was written."""
        ...

    def close(self) -> None:
        """End the connection in order after what was written."""
        ...

    def reset(self) -> None:
        """End it with RST."""
        ...

    def count(self) -> None:
        """Count an answer as fully sent (what a provider would bill)."""
        ...


Behaviour = Callable[[Exchange], Awaitable[None]]
Handler = Callable[[Received], Behaviour]

REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}


def head(status: int, headers: Mapping[str, str], length: int | None) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if length is not None:
        lines.append(f"content-length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def completion(
    text: str | None,
    *,
    usage: object = USAGE,
    finish_reason: str | None = "stop",
    model: str = "served-model",
    message: JsonObject | None = None,
) -> dict[str, object]:
    """A chat completion; `usage=None` leaves the field out."""
    document: dict[str, object] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **(message or {})},
                "finish_reason": finish_reason,
            }
        ],
    }
    if usage is not None:
        document["usage"] = usage
    return document


def raw(
    body: bytes, *, status: int = 200, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> Behaviour:
    """Exactly these bytes as the body."""
    reply = head(status, {"content-type": content_type, **(headers or {})}, len(body)) + body

    async def behave(exchange: Exchange) -> None:
        exchange.write(reply)
        exchange.count()

    return behave


def document(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Any JSON value as the body."""
    return raw(json.dumps(value).encode(), status=status, headers=headers)


def answer(
    text: str | None,
    *,
    usage: object = USAGE,
    finish_reason: str | None = "stop",
    message: JsonObject | None = None,
    delay_s: float = 0.0,
) -> Behaviour:
    """A good reply (or one that is bad only by its fields)."""
    return after(delay_s, document(completion(text, usage=usage, finish_reason=finish_reason, message=message)))


def after(delay_s: float, behaviour: Behaviour) -> Behaviour:
    if delay_s <= 0:
        return behaviour

    async def behave(exchange: Exchange) -> None:
        await asyncio.sleep(delay_s)
        await behaviour(exchange)

    return behave


def error(
    status: int,
    message: str = "the server says no",
    *,
    code: str | None = None,
    kind: str = "error",
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Behaviour:
    """An error object as OpenAI-compatible servers send it."""
    value = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return document(value, status=status, headers=headers)


def hang(seconds: float = 3600.0) -> Behaviour:
    """Read the request, say nothing."""

    async def behave(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        exchange.close()

    return behave


def drip(text: str = "slow", *, interval_s: float = 0.05) -> Behaviour:
    """A good reply, one byte at a time: no single read ever waits long."""
    body = json.dumps(completion(text)).encode()

    async def behave(exchange: Exchange) -> None:
        exchange.write(head(200, {"content-type": "application/json"}, len(body)))
        for byte in body:
            exchange.write(bytes([byte]))
            await asyncio.sleep(interval_s)

    return behave


def cut_body(text: str = "cut") -> Behaviour:
    """Half of the promised bytes, then an orderly end."""
    body = json.dumps(completion(text)).encode()

    async def behave(exchange: Exchange) -> None:
        exchange.write(head(200, {"content-type": "application/json"}, len(body)) + body[: len(body) // 2])
        exchange.close()

    return behave


def cut_stream(text: str = "cut") -> Behaviour:
    """A chunked body (no length) that ends in the middle of a chunk."""
    body = json.dumps(completion(text)).encode()

    async def behave(exchange: Exchange) -> None:
        start = head(200, {"content-type": "application/json", "transfer-encoding": "chunked"}, None)
        exchange.write(start + f"{len(body):x}\r\n".encode() + body[: len(body) // 2])
        exchange.close()

    return behave


def event_stream_cut() -> Behaviour:
    """Server-sent events although none were asked for, ending without a finish reason."""
    chunk = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "int ma"}}]}
    body = f"data: {json.dumps(chunk)}\n\ndata: {{".encode()
    return raw(body, content_type="text/event-stream")


def reset(*, after_head: bool = False) -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        if after_head:
            exchange.write(head(200, {"content-type": "application/json"}, 1000) + b'{"id": "chatcmpl')
            await asyncio.sleep(0.02)
        exchange.reset()

    return behave


def huge_body(mebibytes: int) -> Behaviour:
    """A well-formed reply far beyond any sensible size, sent in pieces without a length."""
    piece = b"x" * 65536

    async def behave(exchange: Exchange) -> None:
        start = head(200, {"content-type": "application/json", "transfer-encoding": "chunked"}, None)
        exchange.write(start)
        for _ in range(mebibytes * 16):
            exchange.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await exchange.drain()
        exchange.write(b"0\r\n\r\n")

    return behave


def gzip_bomb(mebibytes: int) -> Behaviour:
    """A small compressed body that unfolds to `mebibytes`."""
    return raw(gzip.compress(b" " * (mebibytes << 20), 9), headers={"content-encoding": "gzip"})


def gzipped(text: str) -> Behaviour:
    return raw(gzip.compress(json.dumps(completion(text)).encode()), headers={"content-encoding": "gzip"})


def redirect(location: str, *, status: int = 307) -> Behaviour:
    return raw(b"", status=status, headers={"location": location})


def without_schema_support(then: Behaviour, *, refused: Sequence[str] = ("json_schema",)) -> Handler:
    """A server that says 400 to the named response formats and answers `then` otherwise."""

    def handle(received: Received) -> Behaviour:
        form = received.body.get("response_format")
        kind = form.get("type") if isinstance(form, dict) else None
        if kind in refused:
            return error(400, f"response_format type {kind} is not supported", param="response_format")
        return then

    return handle


@dataclass(frozen=True)
class Texts:
    """What a coder model of mixed quality says; each is called with the request and its own random source."""

    improvement: Callable[[Received, Random], str]
    misfit: Callable[[Received, Random], str]
    """An edit that does not apply to the parent."""
    wrong: Callable[[Received, Random], str]
    """A program that builds and gives wrong outputs."""
    prose: Callable[[Received, Random], str]


KINDS = ("improvement", "misfit", "wrong", "prose")


def mixed(seed: int, texts: Texts, *, usage: object = USAGE, delay_s: float = 0.0) -> Handler:
    """Improvements, misfits, wrong outputs and prose in equal parts.

    Every four consecutive requests get one of each, in an order drawn from the seed; the kind is drawn by the
    request's ordinal among those that reach this handler, so that a run with one call at a time repeats.
    """
    count = 0

    def handle(received: Received) -> Behaviour:
        nonlocal count
        block, place = divmod(count, len(KINDS))
        count += 1
        order = list(KINDS)
        Random(f"{seed}:{block}").shuffle(order)
        text = getattr(texts, order[place])(received, Random(f"{seed}:{block}:{place}"))
        return answer(text, usage=usage, delay_s=delay_s)

    return handle


def by_role(roles: Mapping[str, Handler], default: Handler) -> Handler:
    """Dispatch on a phrase of the prompt: the first key that stands in it wins."""

    def handle(received: Received) -> Behaviour:
        prompt = received.prompt
        for phrase, handler in roles.items():
            if phrase in prompt:
                return handler(received)
        return default(received)

    return handle
