"""The application: pages, actions and the event stream behind one guard."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from nightforge import __version__
from nightforge.domain.ports import Clock
from nightforge.errors import (
    CampaignBusy,
    NightforgeError,
    NotFound,
    PlatformFault,
    StoreFault,
    UserError,
)
from nightforge.settings import Settings
from nightforge.store import SqlStore
from nightforge.web import actions, stream
from nightforge.web.assets import Assets, asset
from nightforge.web.pages import ROUTERS
from nightforge.web.render import Renderer, View, wants_json
from nightforge.web.security import Admission, Guard, Seals
from nightforge.web.site import Site, Starter, site_of

logger = logging.getLogger(__name__)
DESCRIPTION = (
    "Every page has a twin that ends in `.json`: the same view model from the same queries. "
    "Actions are posted as forms, with the seal of the page or with `Authorization: Bearer TOKEN`."
)


class ErrorView(View):
    """What, where and how to mend it."""

    status: int
    title: str
    what: str
    where: str = ""
    hint: str = ""


def create_app(
    settings: Settings,
    *,
    store: SqlStore,
    clock: Clock,
    starter: Starter,
    secret: bytes,
    admission: Admission | None = None,
) -> FastAPI:
    """`store` is open and stays the caller's to close."""
    admission = admission or Admission.of("127.0.0.1")
    seals = Seals(secret)
    site = Site(settings, store, clock, starter, seals, Renderer(clock), needs_token=admission.needs_token)
    app = FastAPI(
        title="Nightforge",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=_lifespan,
    )
    app.state.site = site
    for router in (stream.router, actions.router, *ROUTERS):
        app.include_router(router)
    app.mount("/static", Assets(), name="static")
    app.add_api_route("/favicon.ico", _favicon, include_in_schema=False)
    app.add_exception_handler(NightforgeError, _own_error)
    app.add_exception_handler(RequestValidationError, _bad_value)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=6)
    app.add_middleware(Guard, seals=seals, admission=admission)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    site: Site = app.state.site
    try:
        yield
    finally:
        site.closing = True
        await asyncio.sleep(0)


def _favicon() -> Response:
    return RedirectResponse(asset("icon.svg"), status_code=307)


def _error(request: Request, view: ErrorView) -> Response:
    if request.headers.get("hx-request") == "true" and request.method == "POST":
        text = " ".join(part for part in (f"{view.what}.", f"Hint: {view.hint}." if view.hint else "") if part)
        heard = json.dumps({"nf-said": {"text": text, "problem": True}})
        return Response(status_code=view.status, headers={"hx-trigger": heard})
    if wants_json(request):
        return JSONResponse(view.model_dump(mode="json"), status_code=view.status)
    if "session" not in request.scope.get("state", {}):  # outside of the guard there is no page
        return JSONResponse(view.model_dump(mode="json"), status_code=view.status)
    return site_of(request).renderer.page(request, "error.html", view, status=view.status)


async def _own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, NightforgeError)
    kinds: Sequence[tuple[type[NightforgeError], int, str]] = (
        (NotFound, 404, "Not found"),
        (CampaignBusy, 409, "Another process has it"),
        (UserError, 400, "That cannot be done"),
        (StoreFault, 503, "The database does not answer"),
        (PlatformFault, 500, "A fault on our side"),
    )
    status, title = next(((status, title) for kind, status, title in kinds if isinstance(error, kind)), (400, "No"))
    if status >= 500:
        logger.warning("%s: %s", request.url.path, error)
    view = ErrorView(status=status, title=title, what=error.what, where=error.where, hint=error.hint)
    return _error(request, view)


async def _bad_value(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        (".".join(str(part) for part in problem["loc"][1:]), str(problem["msg"]), problem["loc"][0])
        for problem in error.errors()
    ]
    in_path = any(place == "path" for _, _, place in problems)
    what = "; ".join(f"{name}: {said}" for name, said, _ in problems)[:500]
    if in_path:
        hint = "the campaigns' page has the links"
        view = ErrorView(status=404, title="Not found", what="there is no such page", where=what, hint=hint)
        return _error(request, view)
    return _error(request, ErrorView(status=400, title="That cannot be read", what=what, where="the address or form"))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {
        404: ("Not found", "there is no such page", "the campaigns' page has the links"),
        405: ("Not so", "this address is not asked in that way", "use the buttons of the page"),
    }
    title, what, hint = words.get(error.status_code, ("That cannot be done", str(error.detail), ""))
    return _error(request, ErrorView(status=error.status_code, title=title, what=what, hint=hint))


async def _unforeseen(request: Request, error: Exception) -> Response:
    """The server's log has the traceback; the page has none."""
    what = f"the page broke: {type(error).__name__}"
    return _error(request, ErrorView(status=500, title="A fault on our side", what=what, hint="the log has more"))


def template_names() -> Sequence[str]:
    return sorted(path.name for path in (Path(__file__).parent / "templates").glob("*.html"))
