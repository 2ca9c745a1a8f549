"""Who may ask, and what a browser may do with the answer.

Order of the checks: size, Host (a rebound DNS name ends here), token, then for everything that writes Origin and the
form's seal. Source of the rules: OWASP cheat sheets on CSRF, DNS rebinding and content security policy.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nightforge.errors import StoreFault
from nightforge.report.text import clean_line

SESSION = "nightforge_session"
TOKEN = "nightforge_token"
PERSON = "nightforge_person"
SEAL_FIELD = "seal"
SEAL_HEADER = "x-nightforge-seal"
LARGEST_BODY = 256 * 1024
"""Bytes of a form; a goal, a hint and a plan are far below it."""
LONGEST_TARGET = 8 * 1024
LONGEST_NAME = 48
SECRET_BYTES = 32
YEAR_S = 365 * 24 * 3600
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True)
class Seals:
    """Keys made from one secret, which stays the same over restarts so that open pages go on working."""

    secret: bytes = field(repr=False)

    @property
    def token(self) -> str:
        """What a browser elsewhere shows once, in `?token=`."""
        return hmac.new(self.secret, b"token", hashlib.sha256).hexdigest()

    def admits(self, shown: str) -> bool:
        return hmac.compare_digest(shown.encode(errors="replace"), self.token.encode())

    def seal(self, session: str) -> str:
        """For a form of this session: new each time, so that compression tells nothing about it."""
        salt = secrets.token_hex(8)
        return f"{salt}.{self._mac(session, salt)}"

    def holds(self, session: str, seal: str) -> bool:
        salt, _, mac = seal.partition(".")
        if not session or not salt or not mac.isascii():
            return False
        return hmac.compare_digest(mac, self._mac(session, salt))

    def _mac(self, session: str, salt: str) -> str:
        return hmac.new(self.secret, f"form:{session}:{salt}".encode(errors="replace"), hashlib.sha256).hexdigest()


def keep_secret(home: Path) -> bytes:
    """The server's secret, made once and kept beside the database for its owner alone. StoreFault where it cannot."""
    path = home / "web.key"
    try:
        home.mkdir(parents=True, exist_ok=True)
        kept = path.read_bytes() if path.exists() else b""
        if len(kept) >= SECRET_BYTES:
            return kept
        made = secrets.token_bytes(SECRET_BYTES)
        # Written aside and moved: two servers that start together agree on one of the two.
        aside = path.with_name(f"web.key.{secrets.token_hex(4)}")
        with open(aside, "xb", opener=_private) as file:
            file.write(made)
        if kept:
            path.unlink()
        try:
            os.link(aside, path)
        except FileExistsError:
            return path.read_bytes()
        finally:
            aside.unlink()
        return made
    except OSError as error:
        hint = "mend the rights of the folder, or set NIGHTFORGE_HOME to one that can be written"
        raise StoreFault(f"the server's key cannot be kept: {error.strerror}", where=str(path), hint=hint) from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


class Person:
    """The name that a browser gave itself, for marks and hints: an address, no proof."""

    @staticmethod
    def read(connection: HTTPConnection) -> str:
        return Person.clean(unquote(connection.cookies.get(PERSON, "")))

    @staticmethod
    def clean(name: str) -> str:
        return clean_line(name)[:LONGEST_NAME].strip()

    @staticmethod
    def cookie(name: str, *, secure: bool) -> str:
        return _cookie(PERSON, quote(Person.clean(name), safe=""), age_s=YEAR_S, secure=secure)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def split_host(header: str) -> str:
    """The name of a Host header without its port, lower case; empty for one that is none."""
    if not header or any(char in header for char in "/\\@?# \t"):
        return ""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


@dataclass(frozen=True)
class Admission:
    """What the server was told at its start. `hosts` are names it answers to; empty with `any_host`."""

    hosts: frozenset[str]
    needs_token: bool = False
    any_host: bool = False

    @classmethod
    def of(
        cls, bound: str, *, more: Iterable[str] = (), needs_token: bool = False, open_to_all: bool = False
    ) -> Admission:
        """Loopback answers to its own names only; bound to all addresses, any name will do: the token decides."""
        everywhere = bound in {"0.0.0.0", "::", ""}
        names = {"localhost", "127.0.0.1", "::1", bound.strip("[]").lower(), *(name.lower() for name in more)}
        return cls(frozenset(names), needs_token=needs_token, any_host=everywhere and (needs_token or open_to_all))

    def admits_host(self, header: str) -> bool:
        host = split_host(header)
        return bool(host) and (self.any_host or host in self.hosts)


class Guard:
    """ASGI middleware around the whole application: nothing behind it runs for a request that may not be."""

    def __init__(self, app: ASGIApp, *, seals: Seals, admission: Admission) -> None:
        self._app = app
        self._seals = seals
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        refused = self._refusal(scope, headers)
        if refused is None and self._shows_token(scope):
            await _redirect_with_token(scope, send, self._seals.token)
            return
        cookies = read_cookies(headers)
        session = cookies.get(SESSION, "")
        fresh = not _is_session(session)
        session = secrets.token_hex(16) if fresh else session
        scope.setdefault("state", {})["session"] = session
        new_cookie = _cookie(SESSION, session, age_s=None, secure=scope["scheme"] == "https") if fresh else ""
        if refused is not None:
            await _refuse(send, *refused)
            return
        scope["state"]["by_bearer"] = self._bears_token(headers)
        await self._app(scope, _limited(receive), _dressed(send, new_cookie))

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Status and words, or None when the request may pass."""
        if len(scope.get("raw_path", b"")) + len(scope.get("query_string", b"")) > LONGEST_TARGET:
            return 414, "the address is too long"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 12 or int(length) > LARGEST_BODY:
            return 413, f"a form has at most {LARGEST_BODY // 1024} KiB"
        if not self._admission.admits_host(headers.get("host", "")):
            return 421, "this server does not answer to that name (see `nightforge serve --allow-host`)"
        if scope["path"].startswith("/static/") or scope["path"] == "/favicon.ico":
            return None
        if self._admission.needs_token and not (self._knows_token(headers) or self._shows_token(scope)):
            return 401, "a token is needed: open the address that `nightforge serve` printed"
        if scope["method"] not in SAFE and not self._bears_token(headers) and not self._same_origin(headers):
            return 403, "the request came from another site"
        return None

    def _knows_token(self, headers: Headers) -> bool:
        return self._bears_token(headers) or self._seals.admits(read_cookies(headers).get(TOKEN, ""))

    def _bears_token(self, headers: Headers) -> bool:
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._seals.admits(shown.strip())

    def _shows_token(self, scope: Scope) -> bool:
        if scope["method"] not in SAFE or b"token=" not in scope.get("query_string", b""):
            return False
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        return self._seals.admits(query.get("token", ""))

    def _same_origin(self, headers: Headers) -> bool:
        """Browsers send Origin with every post; one that sends neither it nor Referer is refused."""
        site = headers.get("sec-fetch-site")
        if site is not None and site not in {"same-origin", "none"}:
            return False
        source = headers.get("origin") or headers.get("referer") or ""
        try:
            return bool(source) and urlsplit(source).netloc.lower() == headers.get("host", "").lower()
        except ValueError:
            return False


def read_cookies(headers: Mapping[str, str]) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _is_session(text: str) -> bool:
    return len(text) == 32 and text.isascii() and text.isalnum()


def _cookie(name: str, value: str, *, age_s: int | None, secure: bool) -> str:
    parts = [f"{name}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
    parts += [f"Max-Age={age_s}"] if age_s is not None else []
    return "; ".join([*parts, "Secure"] if secure else parts)


def _limited(receive: Receive) -> Receive:
    """A body that says no length is cut at the same size: what is beyond it never reaches memory."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > LARGEST_BODY:
                raise HTTPException(413, f"a form has at most {LARGEST_BODY // 1024} KiB")
        return message

    return limited


def _dressed(send: Send, cookie: str) -> Send:
    """The headers of every answer, and the session's cookie with the first one."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if cookie and headers.get("content-type", "").startswith("text/html"):
                headers.append("set-cookie", cookie)
        await send(message)

    return dressed


async def _redirect_with_token(scope: Scope, send: Send, token: str) -> None:
    """The token leaves the address bar, history and referrers for a cookie."""
    kept = [(name, value) for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name != "token"]
    path = "/" + quote(scope["path"].lstrip("/\\"), safe="/.-_~")
    target = f"{path}?{urlencode(kept)}" if kept else path
    cookie = _cookie(TOKEN, token, age_s=YEAR_S, secure=scope["scheme"] == "https")
    more = [(b"location", target.encode()), (b"set-cookie", cookie.encode())]
    await _answer(send, 303, b"", more)


async def _refuse(send: Send, status: int, why: str) -> None:
    """Plain words: whoever gets this may not see a page."""
    await _answer(send, status, f"{status}: {why}\n".encode(), [])


async def _answer(send: Send, status: int, body: bytes, more: list[tuple[bytes, bytes]]) -> None:
    fixed = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": status, "headers": [*plain, *fixed, *more]}
    await send({**start, "headers": [*start["headers"], (b"cache-control", b"no-store")]})  # type: ignore[misc]
    await send({"type": "http.response.body", "body": body})
