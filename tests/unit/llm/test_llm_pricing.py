"""No cap can be kept without a price."""

from __future__ import annotations

from datetime import date

import pytest

from nightforge.domain.plan import ListedPrice, ModelSpec
from nightforge.errors import ModelAccessRefused
from tools.pricing import LISTED_ON, OPENAI_URL, PRICES, cost_usd, lacks_price, listed_price, priced, resolve


def test_a_listed_price_is_filled_in() -> None:
    (spec,) = resolve((ModelSpec(model="gpt-4.1"),))
    assert (spec.input_usd_per_mtok, spec.output_usd_per_mtok) == (2.0, 8.0)
    assert spec.base_url == OPENAI_URL
    assert LISTED_ON.year >= 2026


def test_a_dated_snapshot_costs_what_its_model_costs() -> None:
    assert listed_price("gpt-4.1-2025-04-14") == listed_price("gpt-4.1") is not None
    assert listed_price("gpt-4.1-2025-04") is None
    assert listed_price("gpt-4.1-turbo-xx-yy") is None


def test_the_users_price_wins() -> None:
    (spec,) = resolve((ModelSpec(model="gpt-4.1", input_usd_per_mtok=0.0, output_usd_per_mtok=99.0),))
    assert (spec.input_usd_per_mtok, spec.output_usd_per_mtok) == (0.0, 99.0)
    (half,) = resolve((ModelSpec(model="gpt-4.1", output_usd_per_mtok=99.0),))
    assert (half.input_usd_per_mtok, half.output_usd_per_mtok) == (2.0, 99.0)


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (ModelSpec(model="my-own"), ["input_usd_per_mtok", "output_usd_per_mtok"]),
        (ModelSpec(model="my-own", input_usd_per_mtok=1.0), ["output_usd_per_mtok"]),
        (ModelSpec(model="gpt-4.1", base_url="http://127.0.0.1:8000/v1"), ["input_usd_per_mtok"]),
    ],
)
def test_an_unknown_price_is_refused_naming_the_settings(spec: ModelSpec, named: list[str]) -> None:
    with pytest.raises(ModelAccessRefused) as caught:
        resolve((spec,))
    assert spec.model in str(caught.value)
    assert all(name in caught.value.hint for name in named)


def test_a_dated_list_of_ones_own_fills_what_is_not_given() -> None:
    place = "http://127.0.0.1:8000/v1"
    older = ListedPrice(
        model="mine", host="127.0.0.1:8000", input_usd_per_mtok=9.0, output_usd_per_mtok=9.0, listed_on=date(2025, 1, 1)
    )
    newer = older.model_copy(
        update={"input_usd_per_mtok": 1.0, "cached_input_usd_per_mtok": 0.1, "listed_on": date(2026, 1, 1)}
    )
    elsewhere = newer.model_copy(update={"host": "example.org", "input_usd_per_mtok": 7.0})
    spec = ModelSpec(model="mine", base_url=place, output_usd_per_mtok=3.0)
    assert lacks_price(spec)
    found = priced(spec, [newer, older, elsewhere])
    assert (found.input_usd_per_mtok, found.output_usd_per_mtok, found.cached_input_usd_per_mtok) == (1.0, 3.0, 0.1)
    assert not lacks_price(found)
    assert priced(spec, [elsewhere]) == spec


def test_zero_is_a_price() -> None:
    spec = ModelSpec(model="llama", input_usd_per_mtok=0.0, output_usd_per_mtok=0.0)
    (resolved,) = resolve((spec,), base_url="http://127.0.0.1:8000/v1")
    assert resolved.base_url == "http://127.0.0.1:8000/v1"
    assert cost_usd(resolved, tokens_in=10**6, tokens_out=10**6) == 0.0


def test_the_cost_of_a_call() -> None:
    (spec,) = resolve((ModelSpec(model="gpt-4o-mini"),))
    assert cost_usd(spec, tokens_in=1_000_000, tokens_out=500_000) == pytest.approx(0.15 + 0.30)
    with pytest.raises(ModelAccessRefused):
        cost_usd(ModelSpec(model="no-price"), tokens_in=1, tokens_out=1)


def test_the_table_is_plausible() -> None:
    for prices in PRICES.values():
        for price in prices.values():
            assert 0 < price.input_usd_per_mtok < price.output_usd_per_mtok < 1000
