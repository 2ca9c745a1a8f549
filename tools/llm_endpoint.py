"""One member of the ensemble at its endpoint: sends a request once through the SDK, and knows how that server is."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx2
import openai

from nightforge.domain.plan import ModelSpec
from nightforge.errors import ModelAccessRefused
from tools.llm_errors import CONTEXT_HINT, Consequence, Failure, classify
from tools.llm_memory import Traits
from tools.llm_wire import Answer, Dialect, parse_answer
from tools.pricing import OPENAI_URL
from tools.retrying import EndpointHealth
from tools.transport import open_http_client

PLATFORM_HEADERS = (
    "X-Stainless-Lang",
    "X-Stainless-Package-Version",
    "X-Stainless-OS",
    "X-Stainless-Arch",
    "X-Stainless-Runtime",
    "X-Stainless-Runtime-Version",
)
"""The SDK tells every server about this machine by these; they are left out."""


class Endpoint:
    """A base URL with its key, its connections and its health; shared by all models that are served there."""

    def __init__(
        self, base_url: str, api_key: str, *, timeout_s: float, max_connections: int, proxy_from_env: bool
    ) -> None:
        self.base_url = base_url
        self.host = _host(base_url)
        self.secret = _checked_key(api_key, self.host)
        self.account = f"{self.host} {hashlib.sha256(self.secret.encode()).hexdigest()[:12]}"
        """Endpoint and key, without the key: what rate limits belong to."""
        self.health = EndpointHealth()
        self._timeout_s = timeout_s
        http_client = open_http_client(
            base_url, timeout_s=timeout_s, max_connections=max_connections, proxy_from_env=proxy_from_env
        )
        self._sdk = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=self.secret or "none",
            max_retries=0,
            timeout=http_client.timeout,
            http_client=http_client,
            default_headers={name: openai.omit for name in PLATFORM_HEADERS},  # type: ignore[misc]
        )

    async def post(self, body: bytes, now: datetime, *, limit_s: float) -> Answer | Failure:
        """One request, at most `limit_s` (and the endpoint's own limit) long whatever the server's bytes do."""
        try:
            async with asyncio.timeout(min(self._timeout_s, limit_s)):
                response = await self._sdk.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    content=body,
                    options={"security": {"bearer_auth": True}},
                )
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return classify(error, secret=self.secret, now=now)
        return parse_answer(response.content, secret=self.secret)

    async def listed_models(self, *, limit_s: float) -> Sequence[Mapping[str, object]]:
        """What the server says of its models at `/models`; nothing when it says nothing readable."""
        try:
            async with asyncio.timeout(limit_s):
                response = await self._sdk.get(
                    "/models", cast_to=httpx2.Response, options={"security": {"bearer_auth": True}}
                )
            document = json.loads(response.content)
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, RecursionError):
            return ()
        listed = document.get("data") if isinstance(document, dict) else None
        return tuple(one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()

    async def close(self) -> None:
        await self._sdk.close()


@dataclass
class Member:
    """A model of the ensemble with what was learned of it."""

    spec: ModelSpec
    endpoint: Endpoint
    traits: Traits
    refusal: Failure | None = None
    """Set for good once the endpoint said its final no."""

    @property
    def where(self) -> str:
        return f"{self.spec.model} at {self.endpoint.host}"

    @property
    def context_tokens(self) -> int | None:
        """What the user says of the window, else what the server says; None when neither does."""
        return self.spec.context_tokens or self.traits.context_tokens

    def lacks_room(self, body_bytes: int) -> Failure | None:
        """The request cannot fit into the window: said before anything is sent, because some servers cut silently."""
        window = self.context_tokens
        wanted = self.traits.tokens_of(body_bytes) + self.spec.max_output_tokens
        if window is None or wanted <= window:
            return None
        what = (
            f"about {wanted:,} tokens ({self.spec.max_output_tokens:,} of them for the reply) do not fit into the "
            f"context of {window:,}"
        )
        return Failure(Consequence.UNUSABLE, what, "no_room", may_be_billed=False, hint=CONTEXT_HINT)


def first_dialect(base_url: str) -> Dialect:
    """OpenAI's own newer models know only the newer name of the output limit; most local servers only the older."""
    return Dialect(tokens_name="max_completion_tokens" if _host(base_url) == _host(OPENAI_URL) else "max_tokens")


def _host(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelAccessRefused(
            "the base URL is not an http or https address", where="base_url", hint="give one such as https://host/v1"
        )
    if parts.username is not None or parts.password is not None:
        raise ModelAccessRefused(
            "the base URL has a user name or password in it, and it is stored with each plan",
            where="base_url",
            hint="leave them out; give the key as api_key",
        )
    return f"{parts.hostname}{port}"


def _checked_key(api_key: str, host: str) -> str:
    key = api_key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ModelAccessRefused(
            "the API key has characters that no key has",
            where=f"api_key for {host}",
            hint="copy it again, without quotes or line breaks",
        )
    if not key and host == _host(OPENAI_URL):
        raise ModelAccessRefused(
            "there is no API key", where=f"api_key for {host}", hint="set NIGHTFORGE_API_KEY or OPENAI_API_KEY"
        )
    return key
