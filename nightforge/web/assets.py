"""Files for the browser, out of memory: few requests, no thread and no compression while a page is painted."""

from __future__ import annotations

import gzip
import json
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from nightforge.report.html import look
from nightforge.report.plot_parts import sheet as plots

STATIC = Path(__file__).parent / "static"
SMALLEST_COMPRESSED = 512
"""Bytes below which compressing gains nothing."""
COMPRESSED = ("text/", "application/json", "image/svg")
_FRAME = ("tokens.css", "app.css")
SHEETS = {
    "page.css": _FRAME,
    "page-plan.css": (*_FRAME, "plan.css"),
    "page-night.css": (*_FRAME, "uplot-css", "plots", "night.css"),
    "page-report.css": (*_FRAME, "report"),
}
"""One sheet a page, put together of these parts in this order."""
SCRIPTS = {
    "page.js": ("htmx", "hx-sse", "app.js"),
    "course.js": ("uplot", "explore.js"),
}
"""htmx begins a task after its own file: what extends it has to be in that file."""
BUNDLES = {**SHEETS, **SCRIPTS}


@dataclass(frozen=True)
class File:
    body: bytes
    compressed: bytes
    """`body` itself where compressing gains nothing."""
    media_type: str
    version: str
    lasting: bool
    """Its address names its version, so that browsers may keep it."""


class Assets:
    """ASGI application below `/static`; a file that is not there is a 404 of the application around it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.method not in {"GET", "HEAD"}:
            raise HTTPException(405)
        name = str(scope["path"]).removeprefix(str(scope.get("root_path", ""))).lstrip("/")
        await answer(request, name)(scope, receive, send)


def answer(request: Request, name: str) -> Response:
    if name not in names():
        raise HTTPException(404)
    file = read(name)
    lasting = file.lasting or request.query_params.getlist("v") == [file.version]
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if lasting else "no-cache",
        "etag": f'"{file.version}"',
        "vary": "accept-encoding",
    }
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = file.compressed if "gzip" in request.headers.get("accept-encoding", "") else file.body
    headers |= {"content-encoding": "gzip"} if body is not file.body else {}
    return Response(body, media_type=file.media_type, headers=headers)


@cache
def names() -> frozenset[str]:
    """All that is served: files as they lie, and bundles."""
    lying = {str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.is_file()}
    return frozenset(lying | set(BUNDLES))


@cache
def read(name: str) -> File:
    is_bundle, kind = name in BUNDLES, media_type(name)
    body = b"".join(part(each) for each in BUNDLES[name]) if is_bundle else (STATIC / name).read_bytes()
    gains = kind.startswith(COMPRESSED) and len(body) >= SMALLEST_COMPRESSED
    return File(
        body=body,
        compressed=gzip.compress(body, 9, mtime=0) if gains else body,
        media_type=kind,
        version=sha256(body).hexdigest()[:12],
        lasting=name.startswith("vendored/"),
    )


def part(name: str) -> bytes:
    """A file of ours, one of the manifest or a sheet that Python makes; ended so that the next one may follow."""
    made = {"plots": plots, "report": look}
    if name in made:
        return made[name]().encode() + b"\n"
    path = STATIC / (name if (STATIC / name).is_file() else vendored(name))
    text = path.read_bytes()
    return text.rstrip() + (b";\n" if path.suffix == ".js" else b"\n")


def media_type(name: str) -> str:
    own = {".js": "text/javascript", ".woff2": "font/woff2", ".css": "text/css", ".svg": "image/svg+xml"}
    return own.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "text/plain"


@cache
def asset(name: str) -> str:
    """The address of a file, so that browsers may keep it for ever: by content, or by the version it names."""
    file = read(name)
    return f"/static/{name}" if file.lasting else f"/static/{name}?v={file.version}"


@cache
def vendored(name: str) -> str:
    """The file of what was made elsewhere, by its name in the manifest."""
    manifest = json.loads((STATIC / "vendored" / "manifest.json").read_text(encoding="utf-8"))
    return next(f"vendored/{each['file']}" for each in manifest["files"] if each["name"] == name)
