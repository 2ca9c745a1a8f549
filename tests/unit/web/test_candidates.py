"""The list of candidates: what it shows, how it is walked, and what an address may ask for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_client import Browser, CampaignMaker

from nightforge.domain.duel import Duel, DuelFinding, Duels
from nightforge.domain.listing import Place
from nightforge.domain.words import CandidateState
from nightforge.store import SqlStore
from nightforge.web.pages.candidates import packed, unpacked

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.integers(0, 10**9), st.sampled_from(CandidateState), finite)
def test_a_place_reads_back_as_the_same(ordinal: int, state: CandidateState, score: float) -> None:
    for place in (Place(ordinal), Place(ordinal, state, score)):
        assert unpacked(packed(place)) == place


@given(st.text(max_size=40))
def test_any_other_text_is_refused_as_a_value(text: str) -> None:
    try:
        place = unpacked(text)
    except ValueError:
        return
    assert unpacked(packed(place)) == place


async def test_ranked_both_faces(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0, 1.5, None, 1.25)).campaign_id
    twin = (await browser.get(f"/c/{named}/candidates.json")).json()
    assert [row["ordinal"] for row in twin["rows"]] == [1, 3, 0]
    assert twin["rows"][0]["stated"]["value"] == 1.5
    assert {tab["shown"]: tab["count"] for tab in twin["tabs"]}["rejected"] == 1
    page = (await browser.get(f"/c/{named}/candidates")).text
    assert re.findall(r'data-href="/c/[^"]+/(\d+)"', page) == ["1", "3", "0"]
    assert "1.47–1.53" in page
    assert "s-measured" in page


async def test_pages_lead_there_and_back(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(*(1 + at / 100 for at in range(60)))).campaign_id
    first = (await browser.get(f"/c/{named}/candidates.json?rows=25")).json()
    assert (first["previous"], len(first["rows"])) == ("", 25)
    second = (await browser.get(first["next"].replace("candidates?", "candidates.json?"))).json()
    third = (await browser.get(second["next"].replace("candidates?", "candidates.json?"))).json()
    numbers = [row["ordinal"] for page in (first, second, third) for row in page["rows"]]
    assert numbers == list(range(59, -1, -1))
    assert third["next"] == ""
    back = (await browser.get(third["previous"].replace("candidates?", "candidates.json?"))).json()
    assert back["rows"] == second["rows"]
    assert (await browser.get(first["next"])).status_code == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=rejected", [2]),
        ("state=all&sort=old", [0, 1, 2, 3]),
        ("state=all&reason=wrong_output", [2]),
        ("state=ranked&sort=worst", [0, 3, 1]),
        ("state=ranked&sort=new", [1, 3, 0]),
        ("q=2", [2]),
        ("q=.3", [3]),
        ("state=all&q=no+such+word", []),
        ("state=starred", []),
    ],
)
async def test_filters_and_orders(
    browser: Browser, make_campaign: CampaignMaker, query: str, expected: list[int]
) -> None:
    named = (await make_campaign(1.0, 1.5, None, 1.25)).campaign_id
    twin = (await browser.get(f"/c/{named}/candidates.json?{query}")).json()
    assert [row["ordinal"] for row in twin["rows"]] == expected
    page = await browser.get(f"/c/{named}/candidates?{query}")
    assert page.status_code == 200
    assert ("data-href" in page.text) == bool(expected)


@pytest.mark.parametrize("state", ["ranked", "all", "measured"])
async def test_the_heads_of_columns_order_by_them(browser: Browser, make_campaign: CampaignMaker, state: str) -> None:
    """Each head leads to the list in its order, says so there, and turns the order at the second press."""
    named = (await make_campaign(1.0, 1.5, 1.25)).campaign_id
    heads = (await browser.get(f"/c/{named}/candidates.json?state={state}")).json()["sorts"]
    assert set(heads) == {"ranked": {"value"}, "all": {"number"}, "measured": {"value", "number"}}[state]
    expected = {
        "value": {"descending": [1, 2, 0], "ascending": [0, 2, 1]},
        "number": {"descending": [2, 1, 0], "ascending": [0, 1, 2]},
    }
    for column, first in heads.items():
        seen, head = set(), first
        for _ in range(2):
            href = head["href"]
            shown = (await browser.get(href.replace("candidates?", "candidates.json?"))).json()
            head = shown["sorts"][column]
            seen.add(head["now"])
            assert [row["ordinal"] for row in shown["rows"]] == expected[column][head["now"]]
            assert f'aria-sort="{head["now"]}"' in (await browser.get(href)).text
        assert seen == {"ascending", "descending"}


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=rejected:1.0:3",
        "after=measured:nan:3",
        "after=measured:1e999:1",
        "before=-4",
        "state=nothing",
        "sort=upwards",
        "rows=many",
        f"q={'x' * 121}",
        "q=99",
    ],
)
async def test_an_address_of_no_list_is_an_error_that_says_so(
    browser: Browser, make_campaign: CampaignMaker, query: str
) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    for face in ("", ".json"):
        answer = await browser.get(f"/c/{named}/candidates{face}?{query}")
        assert answer.status_code in {400, 404}, query


async def test_who_won_the_duels_leads(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0, 1.5, 1.4)).campaign_id
    for ordinal, speedup in ((1, 1.5), (2, 1.4)):
        evidence = store.candidate(named, ordinal).evidence
        assert evidence is not None
        await store.save_confirmation(
            named, ordinal, evidence, state=CandidateState.CONFIRMED, score=speedup, score_low=speedup
        )
    duel = Duel(champion=1, challenger=2, finding=DuelFinding(verdict="challenger"))
    await store.save_document(named, "duels", Duels(champion=2, duels=(duel,)))
    twin = (await browser.get(f"/c/{named}/candidates.json")).json()
    assert [row["ordinal"] for row in twin["rows"]] == [2, 1, 0]
    assert [row["state"] for row in twin["rows"]] == ["confirmed", "confirmed", "measured"]


async def test_a_campaign_without_candidates_says_what_comes(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign()).campaign_id
    assert "Nothing is measured yet" in (await browser.get(f"/c/{named}/candidates")).text
    assert (await browser.get("/c/no-such-one/candidates")).status_code == 404
