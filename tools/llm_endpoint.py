"""One member of the ensemble at its endpoint: sends a request once through the SDK, and knows how that server is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx2
import openai

from nightforge.domain.plan import ModelSpec
from nightforge.errors import ModelAccessRefused
from tools.llm_errors import Failure, classify
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

    async def close(self) -> None:
        await self._sdk.close()


@dataclass
class Member:
    """A model of the ensemble with what was learned of it."""

    spec: ModelSpec
    endpoint: Endpoint
    dialect: Dialect
    refusal: Failure | None = None
    """Set for good once the endpoint said its final no."""

    @property
    def where(self) -> str:
        return f"{self.spec.model} at {self.endpoint.host}"


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
