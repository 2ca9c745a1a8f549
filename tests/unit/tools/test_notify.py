"""The webhook over real HTTP, against servers that do everything wrong: delivered, or logged, never in the way."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import pytest
from pydantic import SecretStr

from tools.clock import SystemClock
from tools.notify import DELIVERY, QUEUED, SIGNATURE, TRIES, Notice, NoticeKind, Webhook, sign
from tools.retrying import Backoff

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
SOON = Backoff(first_s=0.01, longest_s=0.02)
PATH = "/hooks/very-secret-token"


def notice(text: str = "it is done", number: int = 1) -> Notice:
    at = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)
    return Notice(kind=NoticeKind.FINISHED, campaign_id="abc-def", goal="make it fast", text=text, at=at, number=number)


def status(line: str, *headers: str, body: bytes = b"") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = "\r\n".join([f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *headers, "", ""])
        writer.write(head.encode() + body)

    return answer


async def hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def drip(writer: asyncio.StreamWriter) -> None:
    """A head that never ends, a byte now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(writer: asyncio.StreamWriter) -> None:
    """A good head, and a body without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xffnothing that is HTTP\r\n\r\n")


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


OK = status("200 OK", body=b"ok")


@dataclass
class Server:
    """Answers each request with the next of `answers`, the last one for ever; keeps what came."""

    answers: list[Answer]
    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
                self.requests.append((head[0], headers, body))
                await answer(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[Server]:
    server = Server(list(answers))
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}{PATH}"
    try:
        yield server
    finally:
        listening.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)


def webhook(url: str, *, secret: str = "", try_s: float = 5.0) -> Webhook:
    return Webhook(
        SecretStr(url),
        SystemClock(),
        secret=SecretStr(secret) if secret else None,
        random=Random(1),
        backoff=SOON,
        try_s=try_s,
    )


async def test_a_notice_is_delivered_once_with_its_words() -> None:
    async with serving(OK) as server:
        hook = webhook(server.url)
        hook.post(notice())
        await hook.close()
    ((line, headers, body),) = server.requests
    assert line == f"POST {PATH} HTTP/1.1"
    said = json.loads(body)
    assert (said["kind"], said["campaign_id"], said["schema_version"]) == ("finished", "abc-def", 1)
    assert said["text"] == said["content"] == "it is done"
    assert headers[DELIVERY.lower()] == notice().delivery
    assert SIGNATURE.lower() not in headers
    assert (hook.delivered, hook.lost) == (1, 0)


async def test_a_signature_is_of_the_time_and_the_body() -> None:
    async with serving(OK) as server:
        hook = webhook(server.url, secret="s3cret")
        hook.post(notice())
        await hook.close()
    ((_, headers, body),) = server.requests
    stamp, digest = headers[SIGNATURE.lower()].split(",sha256=")
    at = stamp.removeprefix("t=")
    assert digest == hmac.new(b"s3cret", at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert sign(body, SecretStr("s3cret"), int(at)) == headers[SIGNATURE.lower()]


@pytest.mark.parametrize(
    "bad",
    [status("500 Internal Server Error"), status("503 Busy"), status("429 Slow", "Retry-After: 0"), cut, garbage],
    ids=["500", "503", "429", "cut", "garbage"],
)
async def test_what_may_get_better_is_tried_again_with_the_same_delivery(bad: Answer) -> None:
    async with serving(bad, bad, OK) as server:
        hook = webhook(server.url)
        hook.post(notice())
        await hook.close(within_s=30)
    assert hook.delivered == 1
    assert len(server.requests) == 3
    assert len({headers[DELIVERY.lower()] for _, headers, _ in server.requests}) == 1


@pytest.mark.parametrize("line", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "410 Gone"])
async def test_a_final_no_is_taken(line: str) -> None:
    async with serving(status(line)) as server:
        hook = webhook(server.url)
        hook.post(notice())
        await hook.close()
    assert (len(server.requests), hook.lost) == (1, 1)


async def test_redirects_are_not_followed() -> None:
    async with serving(OK) as elsewhere, serving(status("302 Found", f"Location: {elsewhere.url}")) as server:
        hook = webhook(server.url)
        hook.post(notice())
        await hook.close()
        assert elsewhere.requests == []
        assert hook.lost == 1


async def test_it_gives_up_after_its_tries_and_never_names_the_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tools.notify")
    async with serving(status("500 Oh no")) as server:
        hook = webhook(server.url)
        hook.post(notice())
        await hook.close(within_s=30)
    assert (len(server.requests), hook.lost) == (TRIES, 1)
    assert "was not delivered: status 500" in caplog.text
    assert "very-secret-token" not in caplog.text


@pytest.mark.parametrize("answer", [hang, drip], ids=["hangs", "drips"])
async def test_a_server_that_takes_for_ever_costs_a_try_and_no_more(answer: Answer) -> None:
    async with serving(answer, OK) as server:
        hook = webhook(server.url, try_s=0.3)
        hook.post(notice())
        await hook.close(within_s=30)
    assert hook.delivered == 1
    assert len(server.requests) == 2


async def test_an_endless_reply_is_not_read() -> None:
    async with serving(flood) as server:
        hook = webhook(server.url)
        hook.post(notice())
        await hook.close(within_s=30)
    assert hook.delivered == 1


async def test_nobody_listens_and_close_ends_in_time() -> None:
    hook = webhook("http://127.0.0.1:1/none")
    hook.post(notice())
    await hook.close(within_s=30)
    assert (hook.delivered, hook.lost) == (0, 1)


async def test_post_never_waits_and_close_keeps_its_word(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(hang) as server:
        hook = webhook(server.url, try_s=3600)
        began = time.monotonic()
        for number in range(QUEUED + 10):
            hook.post(notice(number=number))
        await hook.close(within_s=0.2)
        assert time.monotonic() - began < 60
    assert hook.delivered == 0
    assert hook.lost == QUEUED + 10, "each is accounted for"
    assert "too many wait" in caplog.text
    assert "there was no time left" in caplog.text


async def test_an_address_that_is_none_is_a_lost_notice_and_no_more() -> None:
    for url in ("http://[::bad", "http://", "http://127.0.0.1:99999/x"):
        hook = webhook(url)
        hook.post(notice())
        await hook.close(within_s=30)
        assert hook.lost == 1


async def test_close_twice_and_without_a_notice() -> None:
    hook = webhook("http://127.0.0.1:1/none")
    await hook.close()
    await hook.close()
    assert (hook.delivered, hook.lost) == (0, 0)
