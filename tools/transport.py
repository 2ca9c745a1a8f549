"""The HTTP transport under the model SDK: bounded replies, no redirects, no proxy that nobody asked for."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

MAX_REPLY_BYTES = 8 << 20
CONNECT_TIMEOUT_S = 10.0
GZIP_OR_ZLIB = 47
"""zlib's `wbits` for either header, found by itself."""


class ReplyTooLarge(httpx2.TransportError):
    """The reply, as sent or unfolded, is larger than any answer can be."""


class ReplyEncodingUnknown(httpx2.TransportError):
    """The reply is compressed in a way that was not offered."""


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Reads each reply whole, at most `max_bytes` of it, counted before and after decompression."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, max_bytes: int = MAX_REPLY_BYTES) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        try:
            body = await self._read(response)
        finally:
            await response.aclose()
        headers = [
            (name, value)
            for name, value in response.headers.raw
            if name.lower() not in (b"content-encoding", b"content-length", b"transfer-encoding")
        ]
        return httpx2.Response(response.status_code, headers=headers, content=body, extensions=response.extensions)

    async def _read(self, response: httpx2.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("", "identity"):
            unfold = None
        elif encoding in ("gzip", "x-gzip", "deflate"):
            unfold = zlib.decompressobj(GZIP_OR_ZLIB)
        else:
            raise ReplyEncodingUnknown(f"content-encoding {encoding[:40]!r}")
        if not isinstance(response.stream, AsyncIterable):
            raise ReplyEncodingUnknown("the reply is not an asynchronous stream")
        body = bytearray()
        sent = 0
        async for chunk in response.stream:
            sent += len(chunk)
            room = self._max_bytes - len(body)
            try:
                body += chunk if unfold is None else unfold.decompress(chunk, room + 1)
            except zlib.error as error:
                raise ReplyEncodingUnknown(f"broken {encoding}: {error}") from error
            if len(body) > self._max_bytes or sent > self._max_bytes:
                raise ReplyTooLarge(f"more than {self._max_bytes} bytes")
        return bytes(body)

    async def aclose(self) -> None:
        await self._inner.aclose()


def open_http_client(
    base_url: str, *, timeout_s: float, max_connections: int, proxy_from_env: bool = False
) -> httpx2.AsyncClient:
    """A client for one endpoint. `timeout_s` bounds each read; the whole call is bounded by its caller."""
    parts = urlsplit(base_url)
    transport = httpx2.AsyncHTTPTransport(
        # A plain-text endpoint never needs certificates (redirects are refused), and loading them takes long.
        verify=parts.scheme != "http",
        proxy=_proxy_for(parts.scheme, parts.hostname or "") if proxy_from_env else None,
        limits=httpx2.Limits(
            max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=30.0
        ),
    )
    return httpx2.AsyncClient(
        transport=BoundedTransport(transport),
        timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s), pool=None),
        headers={"accept-encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )


def _proxy_for(scheme: str, host: str) -> str | None:
    if proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")
