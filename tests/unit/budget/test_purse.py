"""What the rehearsal of models may cost: a hard part of the caps, over all models and resumes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightforge.domain.candidate import Tally
from nightforge.domain.plan import Budget
from nightforge.errors import BudgetExhausted
from tools.budget import Amount, BudgetMeter
from tools.llm_errors import UnusableReply
from workflows.purse import FIRSTS, OVER_SHARE, SHARE, Purse

CAPS = Budget(cost_usd=10.0, tokens=1_000_000)
"""The share: 10 cents and 10,000 tokens."""


def whole(budget: Budget = CAPS, **spent: float) -> BudgetMeter:
    return BudgetMeter(budget, spent=Tally.model_validate(spent))


async def test_a_request_that_does_not_fit_is_refused_and_the_campaign_goes_on() -> None:
    meter = whole()
    purse = Purse(meter, CAPS)
    with purse.first_reply("a"):
        held = await purse.reserve_when_free(cost_usd=0.06, tokens=100)
        assert meter.reserved == Amount.of(cost_usd=0.06, tokens=100, evaluations=0), "taken from the whole, too"
        held.settle(cost_usd=0.05, tokens=80)
        assert meter.spent == Amount.of(cost_usd=0.05, tokens=80, evaluations=0)
        assert not purse.pays_again("a"), "another as costly does not fit"
        assert purse.pays_again("b"), "it had none yet"
    with purse.first_reply("a"):
        with pytest.raises(UnusableReply, match="1% of the caps") as refused:
            await purse.reserve_when_free(cost_usd=0.06)
        assert refused.value.reason == OVER_SHARE
    with purse.first_reply("a"), pytest.raises(UnusableReply):
        await purse.reserve_when_free(cost_usd=0.01, tokens=9_921)
    with purse.first_reply("a"):
        (await purse.reserve_when_free(cost_usd=0.05, tokens=9_920)).settle_in_full()
    assert meter.spent.cost_usd == pytest.approx(SHARE * 10.0)
    with purse.strict(), pytest.raises(BudgetExhausted):
        await purse.reserve_when_free(cost_usd=0.01)
    assert meter.reserved == Amount(), "what was refused holds nothing"


async def test_the_share_holds_over_resumes() -> None:
    purse = Purse(whole(cost_usd=1.0), CAPS)
    with purse.first_reply("a"):
        (await purse.reserve_when_free(cost_usd=0.08)).settle_in_full()
    again = Purse(whole(cost_usd=1.08), CAPS, purse.record)
    with again.first_reply("a"), pytest.raises(UnusableReply):
        await again.reserve_when_free(cost_usd=0.03)
    with again.first_reply("a"):
        (await again.reserve_when_free(cost_usd=0.019)).settle_in_full()
    assert again.record.spent_usd == pytest.approx(0.099)
    raised = Purse(whole(cost_usd=1.1), Budget(cost_usd=20.0), again.record)
    with raised.first_reply("a"):
        (await raised.reserve_when_free(cost_usd=0.099)).release()


async def test_a_call_lost_in_a_kill_counts() -> None:
    """It stands in the campaign's tally when the next session opens the purse."""
    record = Purse(whole(), CAPS).record
    with pytest.raises(UnusableReply):
        await Purse(whole(cost_usd=0.09), CAPS, record).reserve_when_free(cost_usd=0.02)


async def test_a_share_below_one_reply_lets_each_model_give_three_one_at_a_time() -> None:
    caps = Budget(cost_usd=1.0)
    meter = whole(caps)
    purse = Purse(meter, caps)
    for _ in range(FIRSTS):
        with purse.first_reply("a"):
            held = await purse.reserve_when_free(cost_usd=0.05)
            with pytest.raises(UnusableReply):
                await purse.reserve_when_free(cost_usd=0.05)
            held.release()
            held = await purse.reserve_when_free(cost_usd=0.05)  # nothing came of it: the attempt is made again
            held.settle(cost_usd=0.02)
            with pytest.raises(UnusableReply):
                await purse.reserve_when_free(cost_usd=0.05)
        with pytest.raises(UnusableReply):
            await purse.reserve_when_free(cost_usd=0.05)
        purse = Purse(meter, caps, purse.record)
    assert purse.record.beyond == {"a": FIRSTS}
    assert not purse.pays_again("a") or purse.worst == Amount()
    with purse.first_reply("a"), pytest.raises(UnusableReply):
        await purse.reserve_when_free(cost_usd=0.05)
    with purse.first_reply("b"):
        (await purse.reserve_when_free(cost_usd=0.05)).settle_in_full()
    assert meter.spent.cost_usd == pytest.approx(FIRSTS * 0.02 + 0.05)


async def test_a_share_that_pays_for_a_reply_is_passed_by_no_second_one() -> None:
    meter = whole()
    purse = Purse(meter, CAPS)
    with purse.first_reply("a"):
        (await purse.reserve_when_free(cost_usd=0.09)).settle_in_full()
    purse = Purse(meter, CAPS, purse.record)
    with purse.first_reply("a"), pytest.raises(UnusableReply):
        await purse.reserve_when_free(cost_usd=0.09)
    assert not purse.pays_again("a")
    assert purse.pays_again("b")
    assert purse.record.beyond == {}
    assert meter.spent.cost_usd <= SHARE * 10.0


async def test_all_else_leaves_enough_for_the_coder() -> None:
    purse = Purse(whole(), CAPS)
    with pytest.raises(UnusableReply):
        await purse.reserve_when_free(cost_usd=0.06)
    with purse.strict():
        with pytest.raises(BudgetExhausted):
            await purse.reserve_when_free(cost_usd=0.06)
        (await purse.reserve_when_free(cost_usd=0.05)).settle_in_full()
    with purse.first_reply("a"):
        (await purse.reserve_when_free(cost_usd=0.049)).settle_in_full()
    assert purse.record.beyond == {}


async def test_the_whole_comes_first_of_all() -> None:
    meter = whole(Budget(cost_usd=0.05))
    purse = Purse(meter, Budget(cost_usd=10.0))
    with pytest.raises(BudgetExhausted, match=r"of \$0.05 are left"):
        await purse.reserve_when_free(cost_usd=0.06)
    with purse.first_reply("a"), pytest.raises(BudgetExhausted):
        await purse.reserve_when_free(cost_usd=0.2)
    assert purse.record.beyond == {}
    assert purse.record.spent_usd == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.08), st.floats(0, 1), st.booleans()), max_size=30))
async def test_without_an_exception_the_share_is_never_passed(steps: list[tuple[float, float, bool]]) -> None:
    meter = whole()
    purse = Purse(meter, CAPS)
    for worst, share, is_resumed in steps:
        try:
            held = await purse.reserve_when_free(cost_usd=worst)
        except UnusableReply:
            continue
        held.settle(cost_usd=worst * share)
        if is_resumed:
            purse = Purse(meter, CAPS, purse.record)
    assert meter.spent.cost_usd <= SHARE * 10.0 + 1e-9
