"""The first page: is anything on fire?"""

from __future__ import annotations

from web_client import Browser, CampaignMaker

from nightforge.domain.words import CampaignState, CandidateState
from nightforge.store import SqlStore


async def test_an_empty_database_says_how_to_begin(browser: Browser) -> None:
    page = (await browser.get("/")).text
    assert "Nothing has run yet" in page
    assert "nightforge run" in page
    assert (await browser.get("/campaigns.json")).json()["campaigns"] == []


async def test_both_faces_say_the_same(browser: Browser, make_campaign: CampaignMaker) -> None:
    campaign = await make_campaign(1.0, 1.6184, None)
    twin = (await browser.get("/campaigns.json")).json()
    (row,) = twin["campaigns"]
    assert twin["schema_version"] == 1
    assert (row["campaign_id"], row["state"], row["evaluations"], row["rejected"]) == (
        campaign.campaign_id,
        "finished",
        3,
        1,
    )
    assert row["best"] == {"value": 1.6184, "unit": "x", "low": 1.5884, "high": 1.6484, "samples": 22}
    page = (await browser.get("/")).text
    assert twin["headline"] in page
    assert "1.62" in page
    assert "1.59–1.65" in page
    assert 'aria-label="measured"' in page
    assert f'href="/c/{campaign.campaign_id}"' in page


async def test_a_campaign_whose_process_is_gone_wants_a_look(browser: Browser, make_campaign: CampaignMaker) -> None:
    await make_campaign(1.0, state=CampaignState.RUNNING)
    view = (await browser.get("/campaigns.json")).json()
    assert (view["running"], view["alarms"]) == (0, 1)
    assert view["campaigns"][0]["alarms"] == ["its process is gone"]
    assert view["headline"] == "Nothing runs, 1 campaign wants a look"


async def test_one_that_runs_is_at_work(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    campaign = await make_campaign(1.0, state=CampaignState.RUNNING)
    await store.claim_lease(f"campaign:{campaign.campaign_id}", "its process", ttl_s=60)
    view = (await browser.get("/campaigns.json")).json()
    assert (view["running"], view["alarms"]) == (1, 0)
    assert view["headline"] == "1 campaign at work, nothing needs you"


async def test_suspicious_candidates_are_an_alarm(
    browser: Browser, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    named = (await make_campaign(1.0, 9.0)).campaign_id
    await store.set_candidate_state(named, 1, CandidateState.SUSPICIOUS, reason="below_roof")
    assert (await browser.get("/campaigns.json")).json()["campaigns"][0]["alarms"] == ["1 suspicious"]


async def test_plans_that_wait_lead_to_their_card(browser: Browser, make_campaign: CampaignMaker) -> None:
    planned = await make_campaign(state=CampaignState.PLANNED)
    view = (await browser.get("/campaigns.json")).json()
    assert view["waiting"] == 1
    assert f'href="/new/{planned.campaign_id}"' in (await browser.get("/")).text


async def test_the_list_ends_and_says_so(browser: Browser, make_campaign: CampaignMaker) -> None:
    for _ in range(3):
        await make_campaign(1.0)
    view = (await browser.get("/campaigns.json?limit=2")).json()
    assert (len(view["campaigns"]), view["more"]) == (2, True)
    assert "show more" in (await browser.get("/?limit=2")).text
