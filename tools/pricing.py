"""List prices of well-known models, so that a dollar cap can be kept.

The table is data with a date, not a promise: providers change prices, and a price that the user gives always wins.
It holds for the provider's own endpoint only. The same name behind another base URL (a gateway, a local server) may
cost anything, so there the user must say; 0 is a price, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import urlsplit

from nightforge.domain.plan import ListedPrice, ModelSpec
from nightforge.errors import ModelAccessRefused

LISTED_ON = date(2026, 4, 1)
"""When the prices below were last compared with what is published."""

OPENAI_URL = "https://api.openai.com/v1"


class Price(NamedTuple):
    """US dollars per million tokens."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float


OPENAI = {
    "gpt-5.4": Price(2.50, 15.00),
    "gpt-5.1": Price(1.25, 10.00),
    "gpt-5": Price(1.25, 10.00),
    "gpt-5-mini": Price(0.25, 2.00),
    "gpt-5-nano": Price(0.05, 0.40),
    "gpt-4.1": Price(2.00, 8.00),
    "gpt-4.1-mini": Price(0.40, 1.60),
    "gpt-4.1-nano": Price(0.10, 0.40),
    "gpt-4o": Price(2.50, 10.00),
    "gpt-4o-mini": Price(0.15, 0.60),
    "o3": Price(2.00, 8.00),
    "o4-mini": Price(1.10, 4.40),
}

PRICES: dict[str, dict[str, Price]] = {"api.openai.com": OPENAI}
"""Host → model → price."""


def listed_price(model: str, base_url: str = "") -> Price | None:
    """The table's price; a dated snapshot (`gpt-4.1-2025-04-14`) costs what its model costs."""
    host = urlsplit(base_url or OPENAI_URL).hostname or ""
    prices = PRICES.get(host, {})
    return prices.get(model) or prices.get(_without_date(model))


def priced(spec: ModelSpec, prices: Sequence[ListedPrice], *, base_url: str = "") -> ModelSpec:
    """`spec` with what a dated list of the user says, where it names no price itself; the newest entry counts."""
    host = urlsplit(spec.base_url or base_url or OPENAI_URL).netloc
    listed = [one for one in prices if (one.model, one.host) == (spec.model, host)]
    if not listed:
        return spec
    newest = max(listed, key=lambda one: one.listed_on)
    names = ("input_usd_per_mtok", "output_usd_per_mtok", "cached_input_usd_per_mtok")
    missing = {name: getattr(newest, name) for name in names if getattr(spec, name) is None}
    return spec.model_copy(update=missing)


def lacks_price(spec: ModelSpec, *, base_url: str = "") -> bool:
    """Neither given nor listed, so that `resolve` would refuse it."""
    given = (spec.input_usd_per_mtok, spec.output_usd_per_mtok)
    return None in given and listed_price(spec.model, spec.base_url or base_url) is None


def _without_date(model: str) -> str:
    parts = model.rsplit("-", 3)
    if len(parts) == 4 and [len(part) for part in parts[1:]] == [4, 2, 2] and all(part.isdigit() for part in parts[1:]):
        return parts[0]
    return model


def resolve(models: tuple[ModelSpec, ...], *, base_url: str = "") -> tuple[ModelSpec, ...]:
    """The same models, every one with an endpoint and both prices.

    `base_url` is the endpoint of those that name none. Raises ModelAccessRefused for a model whose price is
    neither given nor listed, naming the settings that give it.
    """
    return tuple(_resolve_one(spec, base_url or OPENAI_URL) for spec in models)


def _resolve_one(spec: ModelSpec, base_url: str) -> ModelSpec:
    endpoint = spec.base_url or base_url
    listed = listed_price(spec.model, endpoint)
    given = (spec.input_usd_per_mtok, spec.output_usd_per_mtok)
    if listed is None and None in given:
        missing = [name for name in ("input_usd_per_mtok", "output_usd_per_mtok") if getattr(spec, name) is None]
        raise ModelAccessRefused(
            f"the price of {spec.model!r} at {urlsplit(endpoint).hostname or endpoint} is not known, "
            "so that no dollar cap could be kept",
            where=f"models.{spec.model}",
            hint=f"set {' and '.join(missing)} for this model (US dollars per million tokens; "
            "0 for a server of your own)",
        )
    price = listed or Price(0.0, 0.0)
    return spec.model_copy(
        update={
            "base_url": endpoint,
            "input_usd_per_mtok": price.input_usd_per_mtok if given[0] is None else given[0],
            "output_usd_per_mtok": price.output_usd_per_mtok if given[1] is None else given[1],
        }
    )


def cost_usd(spec: ModelSpec, *, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float:
    """At the model's price. Input that the endpoint had cached costs its own price where one is given, else as other
    input: the figure is an upper bound where a provider gives a discount. Needs a resolved `spec`."""
    if spec.input_usd_per_mtok is None or spec.output_usd_per_mtok is None:
        raise ModelAccessRefused(
            f"{spec.model!r} has no price",
            where=f"models.{spec.model}",
            hint="set input_usd_per_mtok and output_usd_per_mtok for this model",
        )
    cached_price = spec.cached_input_usd_per_mtok
    if cached_price is None:
        cached_price = spec.input_usd_per_mtok
    fresh = tokens_in - tokens_cached
    dollars = fresh * spec.input_usd_per_mtok + tokens_cached * cached_price + tokens_out * spec.output_usd_per_mtok
    return dollars / 1e6
