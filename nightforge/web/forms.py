"""What a browser, or a program with the token, posts: read with limits, each field checked by name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

from nightforge.domain.plan import Budget
from nightforge.errors import UserError
from nightforge.web.security import SEAL_FIELD, SEAL_HEADER
from nightforge.web.site import site_of

MOST_FIELDS = 100
MOST_EVALUATIONS = 10**9
LONGEST_WALL_S = 366 * 24 * 3600.0
MOST_USD = 1e6
MOST_TOKENS = 10**12


@dataclass(frozen=True)
class Form:
    """Names and values as text; a field that is missing counts as empty."""

    values: Mapping[str, str]

    def text(self, name: str, *, limit: int = 400) -> str:
        """Without blanks at its ends; UserError naming the field when it is longer."""
        value = self.values.get(name, "").strip()
        if len(value) > limit:
            raise UserError(f"it has {len(value):,} characters, not at most {limit:,}", where=name, hint="shorten it")
        return value

    def has(self, name: str) -> bool:
        return bool(self.values.get(name, "").strip())

    def is_set(self, name: str) -> bool:
        """Of a tick box or a flag."""
        return self.values.get(name, "").strip().lower() in {"1", "on", "true", "yes"}

    def number(self, name: str, *, most: float, least: float = 0.0) -> float | None:
        """None for an empty field; a thousands comma and a dollar sign are taken as meant."""
        said = self.text(name, limit=40).replace(",", "").removeprefix("$").strip()
        if not said:
            return None
        try:
            value = float(said)
        except ValueError:
            raise UserError(f"{said!r} is no number", where=name, hint="give digits, as 1.5") from None
        if not math.isfinite(value) or not least <= value <= most:
            raise UserError(f"{said} is out of range", where=name, hint=f"from {least:g} to {most:g}")
        return value

    def whole(self, name: str, *, most: int, least: int = 0) -> int | None:
        value = self.number(name, most=most, least=least)
        if value is not None and value != int(value):
            raise UserError(f"{value:g} is no whole number", where=name, hint="give digits without a point")
        return None if value is None else int(value)

    def one_of(self, name: str, offered: tuple[str, ...]) -> str | None:
        """None for an empty field."""
        said = self.text(name, limit=80)
        if said and said not in offered:
            raise UserError(f"{said!r} is not on offer", where=name, hint=f"one of: {', '.join(offered)}")
        return said or None

    def budget(self) -> Budget:
        """The caps `minutes evaluations usd tokens`; empty ones are none."""
        minutes = self.number("minutes", most=LONGEST_WALL_S / 60)
        return Budget(
            evaluations=self.whole("evaluations", most=MOST_EVALUATIONS),
            wall_s=None if minutes is None else minutes * 60,
            cost_usd=self.number("usd", most=MOST_USD),
            tokens=self.whole("tokens", most=MOST_TOKENS),
        )


async def sealed_form(request: Request) -> Form:
    """The form of a page that this server made for this browser; 403 without its seal (or the token)."""
    form = Form(await _values(request))
    shown = form.values.get(SEAL_FIELD, "") or request.headers.get(SEAL_HEADER, "")
    if not request.state.by_bearer and not site_of(request).seals.holds(request.state.session, shown):
        raise HTTPException(403, "the form is not of this session: load the page again and repeat")
    return form


FormDep = Annotated[Form, Depends(sealed_form)]


async def _values(request: Request) -> dict[str, str]:
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _from_json(body)
    if kind not in {"", "application/x-www-form-urlencoded"}:
        raise HTTPException(415, "forms are read as application/x-www-form-urlencoded or application/json")
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HTTPException(400, f"a form has at most {MOST_FIELDS} fields") from None
    return {_plain(name): _plain(value) for name, value in pairs}


def _from_json(body: bytes) -> dict[str, str]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the JSON cannot be read") from None
    if not isinstance(document, dict) or len(document) > MOST_FIELDS:
        raise HTTPException(400, f"an object of at most {MOST_FIELDS} fields is expected")
    flat = {name: value for name, value in document.items() if isinstance(value, str | int | float | bool)}
    if len(flat) != len(document):
        raise HTTPException(400, "fields are texts, numbers or true and false")
    return {_plain(name): _plain(str(value)) for name, value in flat.items()}


def _plain(text: str) -> str:
    """Without what no database keeps: NUL, and halves of surrogate pairs."""
    return "".join(char for char in text.replace("\r\n", "\n") if char != "\0" and not 0xD800 <= ord(char) <= 0xDFFF)
