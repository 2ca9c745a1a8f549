"""Templates and what they may say: one view model, two faces (HTML and `….json`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal, TypeVar, get_type_hints
from urllib.parse import quote, unquote

from fastapi import APIRouter, Query
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from nightforge import __version__
from nightforge.domain.base import Frozen
from nightforge.domain.ports import Clock
from nightforge.domain.words import CampaignState, CandidateState
from nightforge.report.text import brief, clean, clean_line, counted, duration, money, number, unit_words
from nightforge.web.assets import asset, vendored
from nightforge.web.questions import QUESTIONS, Asked

LOOK = "nightforge_look"
SAID = "nightforge_said"
"""One line for the next page: what an action did."""
SAID_CHARACTERS = 400

ViewFunction = TypeVar("ViewFunction", bound=Callable[..., object])


class View(Frozen):
    """What one page says. `schema_version` is that of the JSON face."""

    schema_version: Literal[1] = 1


@dataclass(frozen=True)
class Look:
    """How this browser wants its pages; kept in a cookie, so that the first paint is right."""

    theme: str = "auto"
    density: str = "comfortable"

    THEMES: ClassVar = ("auto", "light", "dark")
    DENSITIES: ClassVar = ("comfortable", "compact")

    @classmethod
    def of(cls, theme: str, density: str) -> Look:
        """Anything unknown counts as the default."""
        theme = theme if theme in cls.THEMES else "auto"
        return cls(theme, density if density in cls.DENSITIES else "comfortable")

    @classmethod
    def read(cls, request: Request) -> Look:
        theme, _, density = request.cookies.get(LOOK, "").partition(".")
        return cls.of(theme, density)

    def __str__(self) -> str:
        return f"{self.theme}.{self.density}"


class Renderer:
    """The Jinja environment: everything is escaped, an unknown name is an error, never an empty place."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.environment = Environment(
            loader=PackageLoader("nightforge.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.environment.filters |= {
            "ago": self.ago,
            "brief": brief,
            "clean": clean,
            "counted": counted,
            "duration": duration,
            "line": clean_line,
            "moment": moment,
            "money": money,
            "num": number,
            "percent": percent,
            "thousands": thousands,
            "unit": unit_words,
        }
        self.environment.globals |= {
            "asset": asset,
            "campaign_states": CampaignState,
            "candidate_states": CandidateState,
            "duration_words": duration,
            "money_words": money,
            "thousands": thousands,
            "sure": sure,
            "vendored": vendored,
            "version": __version__,
        }

    def ago(self, at: datetime) -> str:
        """`41 min ago`; the moment itself stands in the title beside it."""
        seconds = (self._clock.now() - at).total_seconds()
        if seconds < 0:
            return f"in {duration(-seconds)}"
        if seconds < 45:
            return "just now"
        if seconds < 90 * 60:
            return f"{max(1, round(seconds / 60))} min ago"
        if seconds < 36 * 3600:
            return f"{round(seconds / 3600)} h ago"
        return f"{round(seconds / 86400)} days ago"

    def page(self, request: Request, template: str, view: View, *, status: int = 200, stands_for: str = "") -> Response:
        """The page; `view` is the only thing a template of a page gets beside what base.html needs. `stands_for`: the
        local address that its forms lead back to, where its own is only posted to."""
        from nightforge.web.site import person_of, site_of

        site = site_of(request)
        said = unquote(request.cookies.get(SAID, ""))
        text = self.environment.get_template(template).render(
            view=view,
            path=stands_for or quote(request.url.path, safe="/"),
            query="" if stands_for else request.url.query,
            seal=site.seals.seal(request.state.session),
            person=person_of(request),
            look=Look.read(request),
            said=said[:SAID_CHARACTERS],
            now=self._clock.now(),
        )
        response = HTMLResponse(text, status_code=status)
        if said:
            response.delete_cookie(SAID)
        return response

    def fragment(self, template: str, **values: object) -> Markup:
        return Markup(self.environment.get_template(template).render(**values))


class PageRouter(APIRouter):
    """Routes that have two faces. A page is a function that returns its view model."""

    def page(
        self, path: str, *, template: str, json_path: str = "", tags: Sequence[str] = ("pages",)
    ) -> Callable[[ViewFunction], ViewFunction]:
        """Register `path` as HTML and `path.json` as the same view model; the twin is in the OpenAPI description."""

        def register(function: ViewFunction) -> ViewFunction:
            twin = json_path or f"{path}.json"
            # First: `/c/{campaign}` would take `/c/x.json` for a campaign of that name.
            self.add_api_route(twin, function, methods=["GET"], name=f"{function.__name__}.json", tags=list(tags))
            html = _html_face(function, template)
            self.add_api_route(path, html, methods=["GET", "HEAD"], include_in_schema=False, name=function.__name__)
            return function

        return register


def _html_face(function: Callable[..., object], template: str) -> Callable[..., Response]:
    """The function with the request beside its own parameters, its annotations resolved where they were written."""
    hints = get_type_hints(function, include_extras=True)
    own = [
        parameter.replace(annotation=hints.get(name, parameter.annotation))
        for name, parameter in inspect.signature(function).parameters.items()
    ]
    face_request = inspect.Parameter("face_request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    made = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]

    def face(**values: object) -> Response:
        from nightforge.web.site import site_of

        request = values.pop("face_request")
        assert isinstance(request, Request)
        view = function(**values)
        assert isinstance(view, View)
        return site_of(request).renderer.page(request, template, view)

    face.__signature__ = inspect.Signature([face_request, *made])  # type: ignore[attr-defined]
    face.__name__ = function.__name__
    face.__doc__ = function.__doc__
    return face


def wants_json(request: Request) -> bool:
    """A program asks: for a twin, with a JSON body, or by Accept."""
    headers = request.headers
    if request.url.path.endswith(".json") or headers.get("content-type", "").startswith("application/json"):
        return True
    return "application/json" in headers.get("accept", "") and "text/html" not in headers.get("accept", "")


def sure(word: Asked) -> Markup:
    """Attributes of a button whose form is asked about first."""
    asked = QUESTIONS[word]
    return Markup('data-sure="{}" data-sure-text="{}" data-sure-yes="{}"').format(asked.title, asked.text, asked.yes)


def moment(at: datetime) -> str:
    """For the `title` and `datetime` of a time: the reader's machine is the server's, so its zone is meant."""
    return at.astimezone().isoformat(sep=" ", timespec="seconds")


def thousands(value: int) -> str:
    return f"{value:,}"


def percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"


PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="Page, from 1 on.")]


def utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
