"""One candidate, its prompts, its comparison and its family."""

from __future__ import annotations

import re

import pytest
from web_client import Browser, CampaignMaker

from nightforge.domain.candidate import Verdict
from nightforge.domain.evidence import Metric
from nightforge.domain.model import CallKey, CallState, Message, Usage
from nightforge.domain.words import CandidateState, Role
from nightforge.store import SqlStore
from nightforge.web.pages.prompts import SHOWN


async def test_evidence_stage_by_stage(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0, 1.5, None)).campaign_id
    good = (await browser.get(f"/c/{named}/1.json")).json()
    assert [(rung["stage"], rung["outcome"]) for rung in good["ladder"]][:2] == [("compile", "pass"), ("full", "pass")]
    assert {rung["outcome"] for rung in good["ladder"][2:]} == {None}
    (speedup,) = good["measured"]
    assert (speedup["name"], speedup["value"]["value"], speedup["reference"]["value"]) == ("speedup", 1.5, 1.0)
    bad = (await browser.get(f"/c/{named}/2.json")).json()
    assert [(rung["stage"], rung["outcome"]) for rung in bad["ladder"]] == [
        ("compile", "pass"),
        ("correctness", "fail"),
    ]
    page = (await browser.get(f"/c/{named}/2")).text
    assert "row 3 differs" in page
    assert "wrong output" in page
    assert "Measured by the search, not confirmed" in (await browser.get(f"/c/{named}/1")).text


async def test_a_confirmation_stands_beside_what_the_search_saw(
    browser: Browser, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    seen = store.candidate(named, 1).evidence
    assert seen is not None
    again = seen.stages[-1].metrics["speedup"].model_copy(update={"value": 1.4, "low": 1.3, "high": 1.45})
    last = seen.stages[-1].model_copy(update={"stage": "confirm", "metrics": {"speedup": again}})
    evidence = seen.model_copy(update={"stages": (seen.stages[0], last)})
    await store.save_confirmation(named, 1, evidence, state=CandidateState.CONFIRMED, score=1.4, score_low=1.3)
    twin = (await browser.get(f"/c/{named}/1.json")).json()
    assert (twin["row"]["stated"]["value"], twin["row"]["searched"]["value"]) == (1.4, 1.5)
    assert [rung["stage"] for rung in twin["ladder"]] == ["compile", "full", "confirmed"]
    page = (await browser.get(f"/c/{named}/1")).text
    assert "In the search it was 1.5" in page
    assert "fresh process" in page


async def test_a_confirmation_within_the_noise_is_not_called_one_on_the_ladder(
    browser: Browser, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    seen = store.candidate(named, 1).evidence
    assert seen is not None
    unsure = {**seen.stages[-1].metrics, "distinguishable": Metric(value=0.0)}
    last = seen.stages[-1].model_copy(update={"stage": "confirm", "metrics": unsure})
    evidence = seen.model_copy(update={"stages": (seen.stages[0], last)})
    await store.save_confirmation(named, 1, evidence, state=CandidateState.MEASURED)
    rung = (await browser.get(f"/c/{named}/1.json")).json()["ladder"][-1]
    assert (rung["stage"], rung["words"].split(", ")[0]) == ("re-measured", "a gain within the noise")


@pytest.mark.parametrize(("against", "other"), [("parent", 0), ("seed", 0), ("2", 2)])
async def test_difference_to_anything(browser: Browser, make_campaign: CampaignMaker, against: str, other: int) -> None:
    named = (await make_campaign(1.0, 1.5, 1.2)).campaign_id
    twin = (await browser.get(f"/c/{named}/1.json?against={against}")).json()
    assert (twin["compared"]["choice"], twin["compared"]["ordinal"]) == (against, other)
    assert (twin["compared"]["difference"]["added"], twin["compared"]["difference"]["removed"]) == (1, 1)
    page = (await browser.get(f"/c/{named}/1?against={against}")).text
    assert f"<b>{other}</b>" in page
    assert "<b>1</b>" in page


@pytest.mark.parametrize(("against", "status"), [("nobody", 400), ("99", 404), ("-1", 400), ("1" * 15, 400)])
async def test_difference_to_nothing(browser: Browser, make_campaign: CampaignMaker, against: str, status: int) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    assert (await browser.get(f"/c/{named}/1?against={against}")).status_code == status


async def test_the_seed_has_nothing_to_be_held_against(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0)).campaign_id
    twin = (await browser.get(f"/c/{named}/0.json")).json()
    assert twin["compared"] is None
    assert "It is the seed" in (await browser.get(f"/c/{named}/0")).text


async def test_the_raw_program_is_plain_text(browser: Browser, make_campaign: CampaignMaker) -> None:
    source = "<script>alert(1)</script>\x1b[31m\r\n"
    named = (await make_campaign(1.0, source=source)).campaign_id
    answer = await browser.get(f"/c/{named}/0/source.txt")
    assert answer.content == f"{source}\n// 0\n".encode()
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_marks_notes_and_words_of_the_judge(
    browser: Browser, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    verdict = Verdict(bottleneck="memory", suspicion="too good")
    await store.finish_candidate(named, 1, CandidateState.MEASURED, verdict=verdict)
    for mark in ("star", "cheat"):
        assert (await browser.post(f"/c/{named}/1/{mark}")).status_code == 303
    await browser.post(f"/c/{named}/1/note", {"text": "look at the tail"})
    page = (await browser.get(f"/c/{named}/1")).text
    for words in ("Starred", "marked as a cheat by", "look at the tail", "memory", "too good", "no part of the score"):
        assert words in page, words
    twin = (await browser.get(f"/c/{named}/1.json")).json()
    assert set(twin["owners"]) == {"star", "discard", "cheat"}
    assert twin["row"]["discarded"]


async def test_prompts_are_there_word_for_word(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    assert "No model was asked" in (await browser.get(f"/c/{named}/1/prompts")).text
    key = CallKey(campaign_id=named, ordinal=1, step="code", role=Role.CODER)
    long = "x" * (SHOWN + 7)
    prompt = [Message(role="system", content="You write <b>kernels</b>"), Message(role="user", content=long)]
    call = await store.open_call(key, "0" * 64, prompt, model="m", reserved_usd=0.1)
    waiting = (await browser.get(f"/c/{named}/1/prompts")).text
    assert "No reply is stored: it is sent" in waiting
    usage = Usage(tokens_in=5, tokens_out=3)
    await store.close_call(
        call.call_id, CallState.ANSWERED, reply_text="int x;", usage=usage, cost_usd=0.01, finish_reason="stop"
    )
    twin = (await browser.get(f"/c/{named}/1/prompts.json")).json()
    assert [one["text"] for one in twin["messages"]] == ["You write <b>kernels</b>", long]
    assert twin["reply"] == "int x;"
    page = (await browser.get(f"/c/{named}/1/prompts?call={call.call_id}")).text
    assert "You write &lt;b&gt;kernels&lt;/b&gt;" in page
    assert "7 characters more" in page
    assert (await browser.get(f"/c/{named}/0/prompts?call={call.call_id}")).status_code == 404
    assert f"/c/{named}/1/prompts?call={call.call_id}" in (await browser.get(f"/c/{named}/1")).text


async def test_comparing(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0, 1.5, 1.52, None)).campaign_id
    apart = (await browser.get(f"/c/{named}/compare.json?with=1,0")).json()
    assert apart["headline"] == ".1 leads with 1.50 x; 2 numbers of 2 not confirmed"
    assert apart["lines"][0]["best"] == [True, False]
    same = (await browser.get(f"/c/{named}/compare.json?with=1&with=2")).json()
    assert same["headline"] == "By speedup they cannot be told apart: their intervals overlap"
    assert same["lines"][0]["best"] == [False, False]
    failed = (await browser.get(f"/c/{named}/compare.json?with=1,3")).json()
    assert failed["headline"] == ".3 has no speedup: not measured to the end"
    page = (await browser.get(f"/c/{named}/compare?with=1,2,0")).text
    assert "From .1 to .2" in page
    assert "From .1 to .0" in page
    few = (await browser.get(f"/c/{named}/compare?with=1")).text
    assert "Choose two to four" in few
    assert re.findall(r'name="with" value="(\d+)"', few) == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("chosen", "status"), [("1,x", 400), ("0,1,2,3,4", 400), ("1,99", 404), ("-1", 400), ("1;2", 400)]
)
async def test_comparing_what_is_not_there(
    browser: Browser, make_campaign: CampaignMaker, chosen: str, status: int
) -> None:
    named = (await make_campaign(1.0, 1.1, 1.2, 1.3, 1.4)).campaign_id
    assert (await browser.get(f"/c/{named}/compare?with={chosen}")).status_code == status


async def test_the_family(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0, 1.5, None)).campaign_id
    for ordinal in range(3, 9):
        await store.open_candidate(named, ordinal, parents=(1 if ordinal == 3 else ordinal - 1,))
    twin = (await browser.get(f"/c/{named}/lineage.json")).json()
    assert twin["headline"] == "The best 2 come from 1 first change of the seed"
    assert [(one["ordinal"], one["parent"]) for one in twin["members"]] == [(0, None), (1, 0)]
    one = (await browser.get(f"/c/{named}/lineage.json?at=8")).json()
    assert one["headline"] == ".8 is 7 generations from the seed and has no children"
    assert [(each["ordinal"], each["parent"], each["skipped"]) for each in one["members"]] == [(0, None, 0), (8, 0, 6)]
    assert one["members"][1]["depth"] == 7
    page = (await browser.get(f"/c/{named}/lineage?at=1")).text
    assert "the same as a table" in page
    assert f'href="/c/{named}/3"' in page
    assert (await browser.get(f"/c/{named}/lineage?at=99")).status_code == 404
    line = (await browser.get(f"/c/{named}/8.json")).json()["line"]
    assert [each["ordinal"] for each in line] == [0, 1, 3, 4, 5, 6, 7, 8]


async def test_a_long_line_is_shown_near_its_end(
    browser: Browser, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    named = (await make_campaign(1.0)).campaign_id
    for ordinal in range(1, 40):
        await store.open_candidate(named, ordinal, parents=(ordinal - 1,))
    line = (await browser.get(f"/c/{named}/39.json")).json()["line"]
    assert [each["ordinal"] for each in line] == [0, *range(28, 40)]
    assert [each["skipped"] for each in line if each["skipped"]] == [27]
