"""From a goal to an approved plan, step by step, with and without a browser's help."""

from __future__ import annotations

import pytest
from web_client import Browser, CampaignMaker, Starts

from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Calibration
from nightforge.domain.words import CampaignState
from nightforge.store import SqlStore
from workflows.drafting import UNPLANNED, draft_of, is_preparing, save_draft

GOAL = "fast softmax over one row of 16 million floats"


async def read(browser: Browser, goal: str, **fields: str) -> str:
    """Where the goal leads."""
    answer = await browser.post("/new", {"goal": goal, **fields})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def phase(browser: Browser, place: str) -> str:
    answer = await browser.get(f"{place}.json")
    assert (await browser.get(place)).status_code == 200
    return str(answer.json()["phase"])


async def finish_measuring(store: SqlStore, named: str, planned: Campaign, calibration: Calibration) -> None:
    """As `nightforge prepare` does at its end."""
    await store.save_plan(named, planned.plan)
    await store.save_document(named, "calibration", calibration)
    draft = draft_of(store, named)
    await save_draft(store, named, draft.model_copy(update={"measured_with": planned.plan.parameters}))


class TestGoal:
    async def test_a_clear_goal_is_measured_at_once(self, browser: Browser, starts: Starts, store: SqlStore) -> None:
        place = await read(browser, GOAL, minutes="20", seed="7")
        named = place.removeprefix("/new/")
        assert starts.prepared == [named]
        campaign = store.campaign(named)
        assert (campaign.state, campaign.plan.task, campaign.owner) == (CampaignState.PLANNED, UNPLANNED, "mara")
        draft = draft_of(store, named)
        assert draft.reading is not None
        assert draft.reading.task == "softmax-long"
        assert (draft.request.budget.wall_s, draft.request.seed) == (1200.0, 7)
        assert await phase(browser, place) == "measuring"
        assert "Measuring the baselines" in (await browser.get(place)).text

    async def test_a_goal_that_fits_nothing_comes_back_with_what_there_is(
        self, browser: Browser, starts: Starts, store: SqlStore
    ) -> None:
        answer = await browser.post("/new", {"goal": "cook a good soup"})
        assert answer.status_code == 422
        assert "No task fits this goal" in answer.text
        assert "cook a good soup</textarea>" in answer.text
        assert starts.prepared == []
        assert store.campaigns() == ()

    async def test_a_question_is_asked_before_anything_is_measured(
        self, browser: Browser, starts: Starts, store: SqlStore
    ) -> None:
        place = await read(browser, "a fast kernel for softmx over one long row")
        assert await phase(browser, place) == "questions"
        assert starts.prepared == []
        view = (await browser.get(f"{place}.json")).json()
        (question,) = view["questions"]
        assert 'type="radio"' in (await browser.get(place)).text
        await browser.post(f"{place}/answers", {f"answer.{question['name']}": str(question["default"])})
        assert starts.prepared == [place.removeprefix("/new/")]
        assert await phase(browser, place) == "measuring"

    async def test_the_answer_none_ends_it(self, browser: Browser, starts: Starts) -> None:
        place = await read(browser, "a fast kernel for softmx over one long row")
        await browser.post(f"{place}/answers", {"answer.task": "none"})
        assert await phase(browser, place) == "ended"
        assert starts.prepared == []

    async def test_an_answer_that_is_not_on_offer_is_refused(self, browser: Browser) -> None:
        place = await read(browser, "a fast kernel for softmx over one long row")
        answer = await browser.post(f"{place}/answers", {"answer.task": "../../etc/passwd"}, accept="application/json")
        assert answer.status_code == 400
        assert await phase(browser, place) == "questions"

    @pytest.mark.parametrize(
        "fields",
        [
            {"goal": ""},
            {"goal": GOAL, "minutes": "0"},
            {"goal": GOAL, "minutes": "soon"},
            {"goal": GOAL, "task": "no-such-task"},
            {"goal": GOAL, "task": "../../../etc"},
            {"goal": GOAL, "preset": "no-such-preset"},
            {"goal": GOAL, "policy": "no-such-policy"},
            {"goal": GOAL, "seed": "-1"},
            {"goal": GOAL, "until": "yesterday"},
            {"goal": "x" * 2001},
        ],
    )
    async def test_what_cannot_be_taken_comes_back_with_why(
        self, browser: Browser, starts: Starts, store: SqlStore, fields: dict[str, str]
    ) -> None:
        answer = await browser.post("/new", fields)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert starts.prepared == []
        assert store.campaigns() == ()

    async def test_a_program_gets_the_same_as_json(self, browser: Browser) -> None:
        made = await browser.post("/new", {"goal": GOAL}, accept="application/json")
        assert made.status_code == 201
        assert (await browser.get(made.json()["plan"])).json()["phase"] == "measuring"
        refused = await browser.post("/new", {"goal": "cook a good soup"}, accept="application/json")
        assert refused.status_code == 422
        assert refused.json()["refusal"]


class TestCard:
    async def test_it_says_what_the_terminals_card_says(self, browser: Browser, make_campaign: CampaignMaker) -> None:
        named = (await make_campaign(state=CampaignState.PLANNED)).campaign_id
        view = (await browser.get(f"/new/{named}.json")).json()
        assert view["phase"] == "card"
        card = view["card"]
        assert card["smallest_gain"] == pytest.approx(1.04)
        assert [one["title"] for one in card["baselines"] if one["is_reference"]] == ["C fast-math"]
        page = (await browser.get(f"/new/{named}")).text
        for words in ("C fast-math is what a gain is counted against", "compile", "nothing leaves this machine"):
            assert words in page
        assert "Approve and start" in page

    async def test_edits_are_the_plan(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore, starts: Starts
    ) -> None:
        named = (await make_campaign(state=CampaignState.PLANNED)).campaign_id
        fields = {"minutes": "90", "usd": "2.5", "seed": "41", "preset": "pair", "policy": "random", "target": "1.5"}
        answer = await browser.post(f"/new/{named}/plan", {**fields, "patience": "30", "until": "2099-01-01T07:00"})
        assert answer.status_code == 303
        plan = store.campaign(named).plan
        assert (plan.budget.wall_s, plan.budget.cost_usd, plan.budget.evaluations) == (5400.0, 2.5, None)
        assert (plan.search.seed, plan.search.preset, plan.search.policy) == (41, "pair", "random")
        rules = {rule.rule: dict(rule.parameters) for rule in plan.stop}
        assert rules["target"] == {"value": 1.5}
        assert rules["patience"] == {"evaluations": 30}
        assert str(rules["until"]["at"]).startswith("2099-01-01T07:00")
        assert starts.prepared == []
        shown = (await browser.get(f"/new/{named}.json")).json()["fields"]
        assert (shown["minutes"], shown["target"], shown["patience"]) == ("90", "1.5", "30")
        # The same form once more, as it is shown, changes nothing.
        again = {name: text for name, text in shown.items() if isinstance(text, str) and name not in {"goal", "task"}}
        await browser.post(f"/new/{named}/plan", again)
        assert store.campaign(named).plan == plan

    async def test_another_parameter_is_measured_anew_and_not_approved_before(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore, starts: Starts, calibration: Calibration
    ) -> None:
        planned = await make_campaign(state=CampaignState.PLANNED)
        place = await read(browser, GOAL)
        named = place.removeprefix("/new/")
        await finish_measuring(store, named, planned, calibration)
        assert await phase(browser, place) == "card"
        assert len(starts.prepared) == 1
        await browser.post(f"{place}/plan", {"minutes": "5", "parameter.threads": "2"})
        refused = (await browser.get(f"{place}.json")).json()
        if refused["phase"] != "card":
            assert len(starts.prepared) == 2
            assert (await browser.post(f"/c/{named}/start")).status_code == 400
        assert starts.watched == []

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"minutes": "0"},
            {"minutes": "5", "preset": "no-such"},
            {"minutes": "5", "seed": "1.5"},
            {"minutes": "5", "parameter.dtype": "float7"},
            {"minutes": "5", "parameter.n": "many"},
            {"minutes": "5", "until": "2001-01-01T00:00"},
        ],
    )
    async def test_a_plan_that_could_not_run_is_refused(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore, fields: dict[str, str]
    ) -> None:
        campaign = await make_campaign(state=CampaignState.PLANNED)
        answer = await browser.post(f"/new/{campaign.campaign_id}/plan", fields, accept="application/json")
        assert answer.status_code == 400
        assert store.campaign(campaign.campaign_id).plan == campaign.plan

    async def test_a_campaign_that_was_begun_is_not_planned_again(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        campaign = await make_campaign(1.0, state=CampaignState.RUNNING)
        for step in ("plan", "answers", "measure"):
            answer = await browser.post(f"/new/{campaign.campaign_id}/{step}", {"minutes": "5"})
            assert answer.status_code == 400
        assert store.campaign(campaign.campaign_id).plan == campaign.plan
        assert "This plan was approved" in (await browser.get(f"/new/{campaign.campaign_id}")).text


class TestMeasuring:
    async def test_a_process_that_died_is_said_and_can_be_started_again(
        self, browser: Browser, store: SqlStore, starts: Starts
    ) -> None:
        place = await read(browser, GOAL)
        named = place.removeprefix("/new/")
        draft = draft_of(store, named)
        long_ago = draft.asked_at.replace(year=2020)
        await save_draft(store, named, draft.model_copy(update={"asked_at": long_ago}))
        assert await phase(browser, place) == "stalled"
        await browser.post(f"{place}/measure")
        assert starts.prepared == [named, named]
        assert await phase(browser, place) == "measuring"

    async def test_one_that_is_at_work_is_not_started_twice(
        self, browser: Browser, store: SqlStore, starts: Starts
    ) -> None:
        place = await read(browser, GOAL)
        named = place.removeprefix("/new/")
        await store.claim_lease(f"prepare:{named}", "its process", ttl_s=60)
        assert is_preparing(store, named)
        await browser.post(f"{place}/measure")
        assert starts.prepared == [named]

    async def test_why_it_failed_is_shown(self, browser: Browser, store: SqlStore) -> None:
        place = await read(browser, GOAL)
        named = place.removeprefix("/new/")
        await store.set_campaign_state(named, CampaignState.FAILED, reason="planning: gcc was not found")
        assert await phase(browser, place) == "ended"
        page = (await browser.get(place)).text
        assert "gcc was not found" in page
        assert "Try again" in page
