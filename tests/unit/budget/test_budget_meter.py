"""Reserve before spending: caps hold whatever the order of things."""

from __future__ import annotations

import asyncio
import math
import threading
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightforge.domain.candidate import Tally
from nightforge.domain.plan import Budget
from nightforge.errors import BudgetExhausted
from tools.budget import NOTHING, PICODOLLARS, Amount, BudgetMeter, Reservation


def meter(**caps: float) -> BudgetMeter:
    return BudgetMeter(Budget.model_validate(caps), spent=Tally())


def test_reserve_settle_release() -> None:
    money = meter(cost_usd=1.0, tokens=1000, evaluations=3)
    first = money.reserve(cost_usd=0.4, tokens=100, evaluations=1)
    second = money.reserve(cost_usd=0.4)
    assert money.reserved == Amount.of(cost_usd=0.8, tokens=100, evaluations=1)
    assert money.spent == NOTHING
    first.settle(cost_usd=0.1, tokens=40, evaluations=1)
    second.release()
    assert money.reserved == NOTHING
    assert money.spent == Amount.of(cost_usd=0.1, tokens=40, evaluations=1)


@pytest.mark.parametrize(
    ("caps", "wish", "where"),
    [
        ({"cost_usd": 0.1}, {"cost_usd": 0.2}, "budget:cost_usd"),
        ({"tokens": 10}, {"tokens": 11}, "budget:tokens"),
        ({"evaluations": 0}, {"evaluations": 1}, "budget:evaluations"),
    ],
)
def test_the_cap_that_stands_in_the_way_is_named(caps: dict[str, float], wish: dict[str, float], where: str) -> None:
    with pytest.raises(BudgetExhausted) as caught:
        meter(**caps).reserve(**wish)  # type: ignore[arg-type]
    assert caught.value.where == where
    assert caught.value.hint


def test_the_last_cent_can_be_spent() -> None:
    money = meter(cost_usd=0.3)
    for _ in range(3):
        money.reserve(cost_usd=0.1).settle(cost_usd=0.1)
    with pytest.raises(BudgetExhausted):
        money.reserve(cost_usd=1e-12)


def test_what_costs_nothing_is_never_refused() -> None:
    money = meter(cost_usd=0.0, tokens=0, evaluations=0)
    money.reserve().release()
    money = BudgetMeter(Budget(cost_usd=1.0, evaluations=5), spent=Tally(cost_usd=2.0))
    money.reserve(evaluations=1).settle(evaluations=1)
    money.reserve(cost_usd=0.0, tokens=5000).settle(tokens=5000)


def test_without_caps_nothing_is_refused() -> None:
    money = meter()
    for _ in range(2):
        money.reserve(cost_usd=1e6, tokens=10**12, evaluations=10**6).settle_in_full()
    assert money.spent == Amount.of(cost_usd=2e6, tokens=2 * 10**12, evaluations=2 * 10**6)


def test_a_resumed_campaign_goes_on_where_it_stood() -> None:
    spent = Tally(cost_usd=0.9, tokens_in=600, tokens_out=300, evaluations=9)
    money = BudgetMeter(Budget(cost_usd=1.0, tokens=1000, evaluations=10), spent=spent)
    assert money.spent == Amount.of(cost_usd=0.9, tokens=900, evaluations=9)
    for too_much in ({"cost_usd": 0.11}, {"tokens": 101}, {"evaluations": 2}):
        with pytest.raises(BudgetExhausted):
            money.reserve(**too_much)
    money.reserve(cost_usd=0.1, tokens=100, evaluations=1)


def test_a_cost_above_its_reserve_is_recorded_and_blocks() -> None:
    money = meter(cost_usd=1.0)
    held = money.reserve(cost_usd=0.5)
    held.settle(cost_usd=1.5)
    assert money.spent.cost_usd == pytest.approx(1.5)
    with pytest.raises(BudgetExhausted):
        money.reserve(cost_usd=0.01)


def test_a_reservation_ends_once() -> None:
    money = meter(evaluations=5)
    held = money.reserve(evaluations=1)
    held.settle(evaluations=1)
    for again in (held.settle, held.release, held.settle_in_full):
        with pytest.raises(ValueError, match="before"):
            again()
    assert (money.spent.evaluations, money.reserved) == (1, NOTHING)


@pytest.mark.parametrize("amount", [-0.1, math.nan, math.inf])
def test_an_impossible_amount_is_a_programming_error(amount: float) -> None:
    money = meter(cost_usd=1.0)
    with pytest.raises(ValueError, match="not an amount"):
        money.reserve(cost_usd=amount)
    held = money.reserve(cost_usd=0.1)
    with pytest.raises(ValueError, match="not an amount"):
        held.settle(cost_usd=amount)
    held.release()


async def test_waiting_for_reserves_in_flight() -> None:
    money = meter(cost_usd=1.0)
    held = money.reserve(cost_usd=0.9)
    waiting = asyncio.create_task(money.reserve_when_free(cost_usd=0.5))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    held.settle(cost_usd=0.1)
    assert (await asyncio.wait_for(waiting, 10)).amount.cost_usd == pytest.approx(0.5)


async def test_waiting_ends_when_the_room_is_really_gone() -> None:
    money = meter(cost_usd=1.0)
    held = money.reserve(cost_usd=0.9)
    waiting = asyncio.create_task(money.reserve_when_free(cost_usd=0.5))
    await asyncio.sleep(0.01)
    held.settle(cost_usd=0.9)
    with pytest.raises(BudgetExhausted):
        await asyncio.wait_for(waiting, 10)


async def test_what_can_never_fit_does_not_wait() -> None:
    money = meter(cost_usd=1.0)
    money.reserve(cost_usd=0.9)
    with pytest.raises(BudgetExhausted):
        await asyncio.wait_for(money.reserve_when_free(cost_usd=1.1), 10)


async def test_a_settlement_from_another_thread_wakes_the_waiting() -> None:
    money = meter(cost_usd=1.0)
    held = money.reserve(cost_usd=1.0)
    waiting = asyncio.create_task(money.reserve_when_free(cost_usd=1.0))
    await asyncio.sleep(0.01)
    threading.Timer(0.02, held.release).start()
    await asyncio.wait_for(waiting, 10)


async def test_a_cancelled_wait_holds_nothing() -> None:
    money = meter(cost_usd=1.0)
    held = money.reserve(cost_usd=1.0)
    waiting = asyncio.create_task(money.reserve_when_free(cost_usd=0.5))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    held.release()
    await asyncio.sleep(0)
    assert money.reserved == NOTHING


def test_threads_never_reserve_more_than_there_is() -> None:
    money = meter(evaluations=100)
    won: list[Reservation] = []

    def grab() -> None:
        for _ in range(50):
            try:
                won.append(money.reserve(evaluations=1))
            except BudgetExhausted:
                return

    threads = [threading.Thread(target=grab) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 100


AMOUNTS = st.floats(min_value=0.0, max_value=2.0)
STEPS = st.one_of(
    st.tuples(st.just("reserve"), AMOUNTS, st.integers(0, 50), st.integers(0, 3)),
    st.tuples(st.just("settle"), AMOUNTS, st.integers(0, 50), st.integers(0, 3)),
    st.tuples(st.just("settle_in_full"), st.just(0.0), st.just(0), st.just(0)),
    st.tuples(st.just("release"), st.just(0.0), st.just(0), st.just(0)),
)


@settings(max_examples=300, deadline=None)
@given(
    cost_cap=st.one_of(st.none(), AMOUNTS),
    token_cap=st.one_of(st.none(), st.integers(0, 200)),
    evaluation_cap=st.one_of(st.none(), st.integers(0, 10)),
    already=st.tuples(AMOUNTS, st.integers(0, 100), st.integers(0, 5)),
    steps=st.lists(st.tuples(STEPS, st.integers(0, 7)), max_size=40),
)
def test_spent_plus_reserved_keeps_the_caps_in_any_order(
    cost_cap: float | None,
    token_cap: int | None,
    evaluation_cap: int | None,
    already: tuple[float, int, int],
    steps: list[tuple[tuple[str, float, int, int], int]],
) -> None:
    """A reservation is never granted past a cap, and the books are exact: model-based, with exact fractions."""
    budget = Budget(cost_usd=cost_cap, tokens=token_cap, evaluations=evaluation_cap)
    money = BudgetMeter(budget, spent=Tally(cost_usd=already[0], tokens_out=already[1], evaluations=already[2]))
    caps = (None if cost_cap is None else Fraction(cost_cap), token_cap, evaluation_cap)
    spent = [exact(already[0]), Fraction(already[1]), Fraction(already[2])]
    open_: list[tuple[Reservation, list[Fraction]]] = []
    for (what, cost, tokens, evaluations), pick in steps:
        wish = [exact(cost), Fraction(tokens), Fraction(evaluations)]
        if what == "reserve":
            held = [sum((amount[i] for _, amount in open_), spent[i]) for i in range(3)]
            fits = all(cap is None or wish[i] == 0 or held[i] + wish[i] <= cap for i, cap in enumerate(caps))
            try:
                open_.append((money.reserve(cost_usd=cost, tokens=tokens, evaluations=evaluations), wish))
                assert fits, "a reservation was granted past a cap"
            except BudgetExhausted:
                assert not fits or near(caps[0], held[0] + wish[0]), "a reservation was refused that fits"
        elif open_:
            reservation, amount = open_.pop(pick % len(open_))
            if what == "settle":
                reservation.settle(cost_usd=cost, tokens=tokens, evaluations=evaluations)
                spent = [before + new for before, new in zip(spent, wish, strict=True)]
            elif what == "settle_in_full":
                reservation.settle_in_full()
                spent = [before + new for before, new in zip(spent, amount, strict=True)]
            else:
                reservation.release()
        total = money.spent + money.reserved
        expected = [sum((amount[i] for _, amount in open_), spent[i]) for i in range(3)]
        assert [Fraction(total.picodollars, PICODOLLARS), total.tokens, total.evaluations] == expected


def exact(cost_usd: float) -> Fraction:
    """What the meter books: whole picodollars, rounded up."""
    return Fraction(math.ceil(cost_usd * PICODOLLARS), PICODOLLARS)


def near(cap: Fraction | int | None, total: Fraction) -> bool:
    """Within the rounding of one picodollar."""
    return cap is not None and abs(Fraction(cap) - total) <= Fraction(2, PICODOLLARS)
