"""Caps from flags: nothing that is no budget starts a campaign."""

from __future__ import annotations

import math

import pytest

from nightforge.cli.budget import BudgetFlags
from nightforge.domain.plan import Budget
from nightforge.errors import BudgetRefused, UserError


def test_units() -> None:
    flags = BudgetFlags(minutes=10, evaluations=5, max_usd=1.5, max_tokens=1000)
    assert flags.checked() == Budget(wall_s=600, evaluations=5, cost_usd=1.5, tokens=1000)
    assert BudgetFlags(hours=8).checked().wall_s == 8 * 3600
    assert not BudgetFlags().checked().is_bounded


@pytest.mark.parametrize(
    "flags",
    [
        BudgetFlags(minutes=0),
        BudgetFlags(hours=0),
        BudgetFlags(evaluations=0),
        BudgetFlags(max_usd=0),
        BudgetFlags(max_tokens=0),
    ],
)
def test_zero_is_refused_with_exit_5(flags: BudgetFlags) -> None:
    with pytest.raises(BudgetRefused) as caught:
        flags.checked()
    assert (caught.value.exit_code, caught.value.where[:2]) == (5, "--")
    assert caught.value.hint


def test_zero_dollars_are_enough_offline() -> None:
    assert BudgetFlags(max_usd=0).checked(offline=True).cost_usd is None
    with pytest.raises(BudgetRefused):
        BudgetFlags(minutes=0).checked(offline=True)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_what_is_no_amount_is_a_usage_error(value: float) -> None:
    with pytest.raises(UserError) as caught:
        BudgetFlags(minutes=value).checked()
    assert (caught.value.exit_code, caught.value.where) == (2, "--minutes")


def test_two_caps_on_one_thing_are_a_usage_error() -> None:
    with pytest.raises(UserError, match="both cap the wall time"):
        BudgetFlags(minutes=1, hours=1).checked()
