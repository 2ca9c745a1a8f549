"""Word to a person who is not there: one webhook, told of a few things, never in the way of the campaign.

A notice is put into a short queue and sent by a task of its own. Whatever the other side does (nothing, slowly,
wrongly, for ever) is logged and ends there. A try that may help is made again, after a jittered wait or the one asked
for.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Literal

from pydantic import Field, SecretStr

from nightforge.domain.base import Frozen, Json
from nightforge.domain.ports import Clock
from tools.retrying import Backoff, retry_after_s

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

QUEUED = 32
"""Notices that wait; when more come the oldest goes, since the newest says how things stand."""
TRIES = 5
TRY_S = 10.0
"""For one try, from the connection to the reply's head: a server that drips its reply is no reason to wait."""
LONGEST_WAIT_S = 60.0
"""Whatever Retry-After asks for."""
AGAIN = frozenset({408, 425, 429})
"""And all from 500 on. Other refusals are final."""
SIGNATURE, DELIVERY = "X-Nightforge-Signature", "X-Nightforge-Delivery"


class NoticeKind(StrEnum):
    FINISHED = "finished"
    STALLED = "stalled"
    """Nothing better for long, or the campaign paused by itself."""
    BUDGET = "budget"
    """A cap is used to 80 %."""
    CHAMPION = "champion"
    SUSPICIOUS = "suspicious"


class Notice(Frozen):
    """The body that is posted, beside `content`, which repeats `text` for servers that read that name."""

    schema_version: Literal[1] = 1
    kind: NoticeKind
    campaign_id: str
    goal: str
    """The person's own words."""
    text: str
    """One sentence. Nothing that a candidate or a model wrote is in it."""
    at: datetime
    facts: dict[str, Json] = Field(default_factory=dict)
    number: int = 0
    """Counts the campaign's notices of one process."""

    @property
    def delivery(self) -> str:
        """The same for every try of one notice, so that a receiver can tell a repetition."""
        return f"{self.campaign_id}-{self.number}-{self.kind.value}-{int(self.at.timestamp())}"


class Webhook:
    """One address. `post` returns at once; `close` gives what waits a last chance."""

    def __init__(
        self,
        url: SecretStr,
        clock: Clock,
        *,
        secret: SecretStr | None = None,
        random: Random | None = None,
        backoff: Backoff = Backoff(first_s=2.0, longest_s=60.0),
        try_s: float = TRY_S,
        proxy_from_env: bool = False,
    ) -> None:
        self._url = url
        self._clock = clock
        self._secret = secret
        self._random = random or Random()
        self._backoff = backoff
        self._try_s = try_s
        self._proxy_from_env = proxy_from_env
        self._queue: asyncio.Queue[Notice] = asyncio.Queue(QUEUED)
        self._sending: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None
        self.delivered = 0
        self.lost = 0

    def post(self, notice: Notice) -> None:
        """Never waits and never raises."""
        while self._queue.full():
            with suppress(asyncio.QueueEmpty):
                gone = self._queue.get_nowait()
                self._queue.task_done()
                self._lose(gone, "too many wait")
        self._queue.put_nowait(notice)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all(), name="webhook")

    async def close(self, *, within_s: float = 15.0) -> None:
        """What waits is sent within this time or lost. Idempotent."""
        if self._sending is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._queue.join(), within_s)
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None
        while not self._queue.empty():
            self._lose(self._queue.get_nowait(), "there was no time left")
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _send_all(self) -> None:
        while True:
            notice = await self._queue.get()
            try:
                await self._deliver(notice)
            except asyncio.CancelledError:
                self._lose(notice, "there was no time left")
                raise
            except Exception as error:
                # Of every kind: a webhook is no reason for anything else to end.
                self._lose(notice, type(error).__name__)
            finally:
                self._queue.task_done()

    async def _deliver(self, notice: Notice) -> None:
        import httpx

        for number in range(1, TRIES + 1):
            wish: float | None = None
            try:
                status, headers = await asyncio.wait_for(self._try(notice), self._try_s)
            except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                said, may_help = type(error).__name__, not isinstance(error, httpx.InvalidURL)
            else:
                if 200 <= status < 300:
                    self.delivered += 1
                    return
                said, may_help = f"status {status}", status in AGAIN or status >= 500
                wish = retry_after_s(headers, self._clock.now())
            if not may_help or number == TRIES:
                self._lose(notice, said)
                return
            wait_s = self._backoff.delay_s(number, self._random) if wish is None else min(wish, LONGEST_WAIT_S)
            await self._clock.sleep(wait_s)

    async def _try(self, notice: Notice) -> tuple[int, Mapping[str, str]]:
        """Only the reply's head is read: nothing in its body is asked for."""
        body = self._body(notice)
        async with self._open().stream(
            "POST", self._url.get_secret_value(), content=body, headers=self._headers(notice, body)
        ) as response:
            return response.status_code, response.headers

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            self._client = httpx.AsyncClient(
                timeout=self._try_s,
                follow_redirects=False,
                trust_env=self._proxy_from_env,
                limits=httpx.Limits(max_connections=1),
            )
        return self._client

    def _body(self, notice: Notice) -> bytes:
        return json.dumps({**notice.model_dump(mode="json"), "content": notice.text}).encode()

    def _headers(self, notice: Notice, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "nightforge", DELIVERY: notice.delivery}
        if self._secret is not None:
            headers[SIGNATURE] = sign(body, self._secret, int(self._clock.now().timestamp()))
        return headers

    def _lose(self, notice: Notice, why: str) -> None:
        """The address is a secret: it is never named."""
        self.lost += 1
        logger.warning("the notice %s of %s was not delivered: %s", notice.kind.value, notice.campaign_id, why)


def sign(body: bytes, secret: SecretStr, at: int) -> str:
    """`t=SECONDS,sha256=HEX`: HMAC of `SECONDS.BODY`, so that an old notice cannot be sent again as a new one."""
    key = secret.get_secret_value().encode()
    return f"t={at},sha256={hmac.new(key, str(at).encode() + b'.' + body, hashlib.sha256).hexdigest()}"
