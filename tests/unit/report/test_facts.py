"""What the terminal and the pages say of a campaign at a glance."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from nightforge.domain.candidate import Tally
from nightforge.domain.plan import Budget
from nightforge.domain.words import CampaignState, CandidateState
from nightforge.report import ReportData
from nightforge.report.facts import campaign_facts, caps_of, is_spent, seconds_left
from nightforge.store import SqlStore

Scene = Callable[..., Awaitable[ReportData]]
MEASURED, CONFIRMED, REJECTED = CandidateState.MEASURED, CandidateState.CONFIRMED, CandidateState.REJECTED


async def test_facts_name_the_best_measured_one_while_nothing_is_confirmed(store: SqlStore, scene: Scene) -> None:
    data = await scene(
        (1.2, None, MEASURED), (None, None, REJECTED), (1.4, None, MEASURED), state=CampaignState.RUNNING
    )
    facts = campaign_facts(store, data.campaign, is_alive=True)
    assert facts.best is not None
    assert (facts.best.ordinal, facts.best.state, facts.best.metric.value) == (3, MEASURED, 1.4)
    assert (facts.candidates, facts.evaluations, facts.rejected, facts.confirmed) == (4, 4, 1, 0)
    assert [(one.reason, one.candidates) for one in facts.failures] == [("wrong_output", 1)]
    assert facts.reference == "C fast-math"
    assert facts.reference_value == 1.0
    assert facts.is_alive


async def test_a_confirmed_one_stands_before_a_better_measured_one(store: SqlStore, scene: Scene) -> None:
    data = await scene((1.2, 1.15, CONFIRMED), (1.4, None, MEASURED))
    facts = campaign_facts(store, data.campaign, is_alive=False)
    assert facts.best is not None
    assert (facts.best.ordinal, facts.best.metric.value) == (1, 1.15)
    assert facts.seconds_left is None, "nothing runs any more"


async def test_a_campaign_without_candidates_has_facts_too(store: SqlStore, scene: Scene) -> None:
    data = await scene(state=CampaignState.RUNNING)
    empty = data.campaign.model_copy(update={"tally": Tally()})
    facts = campaign_facts(store, empty, is_alive=True)
    assert facts.best is None
    assert (facts.evaluations_per_hour, facts.in_flight) == (0.0, 0)


def test_the_first_cap_that_is_reached_says_how_long_it_takes() -> None:
    budget = Budget(wall_s=1000.0, evaluations=100, cost_usd=2.0)
    tally = Tally(evaluations=50, active_s=100.0, cost_usd=1.5)
    assert [cap.name for cap in caps_of(budget, tally)] == ["wall_s", "evaluations", "cost_usd"]
    assert seconds_left(budget, tally) == pytest.approx(100 / 3)
    assert not is_spent(budget, tally)
    assert is_spent(budget, tally.model_copy(update={"evaluations": 100}))
    assert seconds_left(Budget(evaluations=5), Tally()) is None
