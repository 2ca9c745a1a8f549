"""The page of one campaign: the figures of both faces, charts with twins, and its states."""

from __future__ import annotations

import pytest
from web_client import Browser, CampaignMaker

from nightforge.domain.archive import CAMPAIGN, ArchiveChange, Arm, Progress, Resident, Trial
from nightforge.domain.words import CampaignState
from nightforge.store import SqlStore
from nightforge.web.assets import asset
from nightforge.web.pages.campaign import CampaignView


async def test_figures_and_chart(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0, 1.25, None, 1.5, 1.4)).campaign_id
    twin = (await browser.get(f"/c/{named}.json")).json()
    assert twin["facts"]["best"]["ordinal"] == 3
    assert twin["facts"]["failures"] == [{"reason": "wrong_output", "candidates": 1}]
    assert [row["ordinal"] for row in twin["rows"]] == [3, 4, 1, 0]
    assert [row[0] for row in twin["progress"]["rows"]] == [f"{named}.0 (seed)", f"{named}.1", f"{named}.3"]
    assert "svg" not in twin["progress"]
    page = (await browser.get(f"/c/{named}")).text
    assert twin["progress"]["title"] in page
    for look in ('class="best"', 'class="base"', 'class="rooft"', 'class="fail"', 'class="dot"'):
        assert look in page, look
    assert "the same as a table" in page
    assert "wrong output" in page


async def test_what_the_search_remembers(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0, 1.25, 1.5)).campaign_id
    change = ArchiveChange(
        Trial(2, island=1, arm="m/diff", reward=0.5, cost=0.25),
        progress=[Progress(0, 5, 1.2, stale=3), Progress(1, 7, 1.4, stale=0), Progress(CAMPAIGN, 12, 1.4)],
        arms=[Arm("m", "diff", 8, 3.0, 1.0, 0.02), Arm("", "tune", 0)],
        arrivals=[Resident(0, 1, "7", 1.2), Resident(1, 2, "9", 1.4), Resident(1, 0, "7", 0.9)],
    )
    await store.save_trial(named, change)
    twin = (await browser.get(f"/c/{named}.json")).json()
    assert [(one["model"], one["reward"]) for one in twin["arms"]] == [("m", 0.75), ("", None)]
    assert [(one["island"], one["best"], one["members"]) for one in twin["islands"]] == [(0, 1.2, 1), (1, 1.4, 2)]
    assert twin["grid"]["title"] == "2 of 3 kinds of behaviour are filled"
    assert [row[0] for row in twin["grid"]["rows"]] == [".2", ".1"]
    page = (await browser.get(f"/c/{named}")).text
    assert "shade-5 rim" in page
    assert "0.75" in page


async def test_a_plan_waits_for_a_yes(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(state=CampaignState.PLANNED)).campaign_id
    page = (await browser.get(f"/c/{named}")).text
    assert "It waits for a yes" in page
    assert f'href="/new/{named}"' in page
    assert "hx-sse:connect" not in page


async def test_one_that_failed_says_why(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0)).campaign_id
    await store.set_campaign_state(named, CampaignState.FAILED, reason="gcc is <gone>")
    page = (await browser.get(f"/c/{named}")).text
    assert "It failed" in page
    assert "gcc is &lt;gone&gt;" in page


async def test_one_that_runs_is_followed_from_the_last_event_shown(
    browser: Browser, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    named = (await make_campaign(1.0, 1.2, None, state=CampaignState.RUNNING)).campaign_id
    gone = (await browser.get(f"/c/{named}")).text
    assert "its process is gone" in gone
    assert "/resume" in gone
    await store.claim_lease(f"campaign:{named}", "its process", ttl_s=60)
    last = max(event.sequence for event in store.events(named, limit=1000))
    page = (await browser.get(f"/c/{named}")).text
    assert f'hx-sse:connect="/c/{named}/stream?after={last}"' in page
    assert "/pause" in page
    for part in ("act", "standing", "progress", "events", "failures"):
        assert f'id="{part}"' in page
        assert f"#{part}:outerMorph" in page


async def test_one_that_is_being_started_is_followed_before_its_process_is_there(
    browser: Browser, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    """On a busy machine the process takes longer than the answer to the press that started it."""
    named = (await make_campaign(state=CampaignState.PLANNED)).campaign_id
    assert "It waits for a yes" in (await browser.get(f"/c/{named}")).text
    await store.append_event(named, "control.started", {"by": "mara", "keeper": "process 1"})
    page = (await browser.get(f"/c/{named}")).text
    assert "It is being started" in page
    assert "It waits for a yes" not in page
    assert f'hx-sse:connect="/c/{named}/stream?after=' in page
    assert "#act:outerMorph" in page


@pytest.mark.parametrize(
    ("best", "against", "gain"), [(373.0, 398.0, -25 / 398), (-0.01, -0.06, None), (0.6, 0.0, None), (-1.0, 2.0, None)]
)
async def test_a_share_is_said_of_what_has_one(
    browser: Browser, make_campaign: CampaignMaker, best: float, against: float, gain: float | None
) -> None:
    """-0.01 is better than -0.06, not 83 % less."""
    named = (await make_campaign(1.0, 1.5)).campaign_id
    view = CampaignView.model_validate((await browser.get(f"/c/{named}.json")).json())
    assert view.facts.best is not None
    metric = view.facts.best.metric.model_copy(update={"value": best})
    shown = view.facts.best.model_copy(update={"metric": metric})
    facts = view.facts.model_copy(update={"best": shown, "reference_value": against, "unit": "um2"})
    said = view.model_copy(update={"facts": facts}).gain
    assert said == (None if gain is None else pytest.approx(gain))


async def test_the_look_of_plots_comes_with_the_page_s_one_sheet(
    browser: Browser, make_campaign: CampaignMaker
) -> None:
    named = (await make_campaign(1.0)).campaign_id
    assert asset("page-night.css") in (await browser.get(f"/c/{named}")).text
    answer = await browser.get(asset("page-night.css"))
    assert answer.headers["content-type"].startswith("text/css")
    assert ".plot .best" in answer.text
    assert "immutable" in answer.headers["cache-control"]


async def test_news_are_told_in_words(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    await browser.post(f"/c/{named}/hint", {"text": "fewer passes"})
    await store.append_event(named, "models.gone", {"reason": "no route"})
    told = (await browser.get(f"/c/{named}.json")).json()["told"]
    assert told[0]["word"] == "no model answers"
    assert told[0]["tone"] == "bad"
    assert any(one["word"] == "hint 1" and "fewer passes" in one["text"] for one in told)
    assert any(one["word"] == "takes the lead" and one["ordinal"] == 1 for one in told)
    page = (await browser.get(f"/c/{named}")).text
    assert "no model answers" in page
    assert "fewer passes" in page
