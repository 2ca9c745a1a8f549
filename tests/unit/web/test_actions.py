"""What a person says on a page is in the database, with whose word it is; nothing is done here but starting."""

from __future__ import annotations

import json

import pytest
from web_client import Browser, CampaignMaker, Starts

from nightforge.domain.words import CampaignState
from nightforge.store import SqlStore


async def hold(store: SqlStore, campaign_id: str) -> None:
    """As the campaign's own process does."""
    assert await store.claim_lease(f"campaign:{campaign_id}", "its process", ttl_s=60) is not None


class TestSteering:
    async def test_a_hint_is_in_force_at_once_and_can_be_withdrawn(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0)).campaign_id
        given = await browser.post(
            f"/c/{named}/hint", {"text": "keep the sum in a register"}, accept="application/json"
        )
        assert given.json()["hint"] == 1
        assert store.hints_in_force(named) == {1: "keep the sum in a register"}
        assert store.hints(named)[0].owner == "mara"
        assert [command.command for command in store.waiting_commands(named)] == ["hint"]
        await browser.post(f"/c/{named}/withdraw", {"number": "1"})
        assert store.hints_in_force(named) == {}

    async def test_the_name_given_in_the_browser_is_the_owner(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0, 1.2)).campaign_id
        await browser.post("/look", {"person": "  Ada\x1b[31m Lovelace\u202e ", "theme": "dark"})
        await browser.post(f"/c/{named}/1/star")
        assert dict(store.mark_owners(named, 1)) == {"star": "Ada Lovelace·"}
        assert 'data-theme="dark"' in (await browser.get("/nowhere")).text

    async def test_marks_are_set_and_taken_back(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0, 1.2)).campaign_id
        await browser.post(f"/c/{named}/1/star")
        await browser.post(f"/c/{named}/1/discard")
        one = store.candidate(named, 1)
        assert (one.starred, one.discarded) == (True, True)
        assert [command.command for command in store.waiting_commands(named)] == ["discard"]
        await browser.post(f"/c/{named}/1/unstar")
        await browser.post(f"/c/{named}/1/undiscard")
        one = store.candidate(named, 1)
        assert (one.starred, one.discarded) == (False, False)

    async def test_a_cheat_is_kept_out_of_the_search_and_says_who_said_so(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0, 9.0)).campaign_id
        assert store.ranked(named)[0].ordinal == 1
        await browser.post(f"/c/{named}/1/cheat")
        assert dict(store.mark_owners(named, 1)) == {"cheat": "mara", "discard": "mara"}
        assert [one.ordinal for one in store.ranked(named)] == [0]
        assert store.tally(named).best_ordinal == 0
        await browser.post(f"/c/{named}/1/uncheat")
        assert dict(store.mark_owners(named, 1)) == {}
        assert store.ranked(named)[0].ordinal == 1

    async def test_a_discard_taken_back_ends_the_word_of_a_cheat_too(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0, 9.0)).campaign_id
        await browser.post(f"/c/{named}/1/cheat")
        await browser.post(f"/c/{named}/1/undiscard")
        assert dict(store.mark_owners(named, 1)) == {}

    async def test_notes_are_kept_in_their_order(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0)).campaign_id
        for text in ("first", "second"):
            await browser.post(f"/c/{named}/0/note", {"text": text})
        assert [(note.text, note.owner) for note in store.notes(named, ordinal=0)] == [
            ("first", "mara"),
            ("second", "mara"),
        ]
        assert store.notes(named) == ()
        kinds = [event.kind for event in store.events(named) if event.kind.startswith("control")]
        assert kinds == ["control.note", "control.note"]

    @pytest.mark.parametrize("path", ["hint", "note", "0/note"])
    @pytest.mark.parametrize("text", ["", "  \n ", "x" * 2001])
    async def test_words_have_a_length(
        self, browser: Browser, make_campaign: CampaignMaker, path: str, text: str
    ) -> None:
        named = (await make_campaign(1.0)).campaign_id
        answer = await browser.post(f"/c/{named}/{path}", {"text": text}, accept="application/json")
        assert answer.status_code == 400
        assert "characters" in answer.json()["what"]

    async def test_what_is_not_there_is_not_found(self, browser: Browser, make_campaign: CampaignMaker) -> None:
        named = (await make_campaign(1.0)).campaign_id
        for path in ("/c/nobody-here/note", f"/c/{named}/7/star", f"/c/{named}/7/cheat", f"/c/{named}/7/note"):
            assert (await browser.post(path, {"text": "x"})).status_code == 404, path
        assert (await browser.post(f"/c/{named}/withdraw", {"number": "4"})).status_code == 404


class TestRunning:
    async def test_pause_is_a_word_to_the_process_that_has_it(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0, state=CampaignState.RUNNING)).campaign_id
        await hold(store, named)
        answer = await browser.post(f"/c/{named}/pause", accept="application/json")
        assert answer.json() == {
            "schema_version": 1,
            "said": "It was asked to pause; it has not obeyed yet.",
            "posted": True,
            "obeyed": False,
        }
        assert [(one.command, one.author) for one in store.waiting_commands(named)] == [("pause", "mara")]

    @pytest.mark.parametrize(("now", "word"), [("", "stop"), ("1", "stop-now")])
    async def test_stop_drains_unless_it_is_to_be_now(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore, now: str, word: str
    ) -> None:
        named = (await make_campaign(1.0, state=CampaignState.RUNNING)).campaign_id
        await hold(store, named)
        await browser.post(f"/c/{named}/stop", {"now": now})
        assert [one.command for one in store.waiting_commands(named)] == [word]

    async def test_where_nothing_runs_there_is_nothing_to_pause(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0)).campaign_id
        for word in ("pause", "stop"):
            answer = await browser.post(f"/c/{named}/{word}", accept="application/json")
            assert answer.json()["said"] == "It is not running: finished (the cap on evaluations)."
        assert store.waiting_commands(named) == ()

    async def test_a_dead_one_is_started_again_as_by_a_person(
        self, browser: Browser, make_campaign: CampaignMaker, starts: Starts, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0, state=CampaignState.RUNNING)).campaign_id
        await browser.post(f"/c/{named}/resume")
        assert starts.watched == [(named, True)]
        assert store.events(named)[-1].payload == {"by": "mara", "keeper": "process 1"}

    async def test_a_paused_one_that_lives_is_only_told(
        self, browser: Browser, make_campaign: CampaignMaker, starts: Starts, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0, state=CampaignState.PAUSED)).campaign_id
        await hold(store, named)
        await browser.post(f"/c/{named}/resume")
        assert starts.watched == []
        assert [one.command for one in store.waiting_commands(named)] == ["resume"]

    async def test_a_finished_one_goes_on_with_a_higher_cap(
        self, browser: Browser, make_campaign: CampaignMaker, starts: Starts, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0)).campaign_id
        await browser.post(f"/c/{named}/resume", {"evaluations": "200"})
        assert store.campaign(named).plan.budget.evaluations == 200
        assert starts.watched == [(named, True)]

    async def test_a_plan_is_approved_by_starting_its_watcher(
        self, browser: Browser, make_campaign: CampaignMaker, starts: Starts
    ) -> None:
        named = (await make_campaign(state=CampaignState.PLANNED)).campaign_id
        answer = await browser.post(f"/c/{named}/start")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/c/{named}")
        assert starts.watched == [(named, False)]

    async def test_one_that_runs_is_not_started_twice(
        self, browser: Browser, make_campaign: CampaignMaker, starts: Starts, store: SqlStore
    ) -> None:
        named = (await make_campaign(state=CampaignState.PLANNED)).campaign_id
        await hold(store, named)
        answer = await browser.post(f"/c/{named}/start", accept="application/json")
        assert answer.json()["said"] == "It runs already."
        assert starts.watched == []

    async def test_only_a_plan_is_approved(
        self, browser: Browser, make_campaign: CampaignMaker, starts: Starts
    ) -> None:
        finished = (await make_campaign(1.0)).campaign_id
        planned = (await make_campaign(state=CampaignState.PLANNED)).campaign_id
        assert (await browser.post(f"/c/{finished}/start")).status_code == 400
        assert (await browser.post(f"/c/{planned}/resume")).status_code == 400
        assert starts.watched == []

    async def test_a_plan_is_withdrawn_by_stopping_it(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(state=CampaignState.PLANNED)).campaign_id
        await browser.post(f"/c/{named}/stop")
        one = store.campaign(named)
        assert (one.state, one.reason) == (CampaignState.FINISHED, "withdrawn")


class TestBudget:
    async def test_caps_that_are_named_change_and_the_others_stay(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0)).campaign_id
        await browser.post(f"/c/{named}/budget", {"usd": "$1,250.50", "minutes": "90"})
        budget = store.campaign(named).plan.budget
        assert (budget.cost_usd, budget.wall_s, budget.evaluations) == (1250.5, 5400.0, 100)
        assert [one.command for one in store.waiting_commands(named)] == ["budget"]

    async def test_an_end_is_a_rule_of_the_plan(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore
    ) -> None:
        named = (await make_campaign(1.0)).campaign_id
        for until in ("2099-01-01T07:00", "2098-01-01T07:00"):
            await browser.post(f"/c/{named}/budget", {"until": until})
        (rule,) = store.campaign(named).plan.stop
        assert str(rule.parameters["at"]).startswith("2098-01-01T07:00")

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"minutes": "0"},
            {"evaluations": "-1"},
            {"evaluations": "1.5"},
            {"usd": "nan"},
            {"usd": "inf"},
            {"tokens": "1e400"},
            {"tokens": "many"},
            {"minutes": "9" * 41},
            {"until": "noon"},
            {"until": "2001-01-01T00:00"},
        ],
    )
    async def test_what_is_no_cap_is_refused_by_name(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore, fields: dict[str, str]
    ) -> None:
        campaign = await make_campaign(1.0)
        answer = await browser.post(f"/c/{campaign.campaign_id}/budget", fields, accept="application/json")
        assert answer.status_code == 400
        assert answer.json()["where"]
        assert store.campaign(campaign.campaign_id).plan == campaign.plan


class TestAnswers:
    """The same action in the three ways that pages and programs ask for it."""

    async def test_without_scripts_it_leads_back_and_says_what_was_done_once(
        self, browser: Browser, make_campaign: CampaignMaker
    ) -> None:
        named = (await make_campaign(1.0)).campaign_id
        answer = await browser.post(f"/c/{named}/hint", {"text": "x", "back": "/new?goal=a b"})
        assert answer.headers["location"] == "/new?goal=a%20b"
        assert "Hint 1 is given." in (await browser.get("/nowhere")).text
        assert "Hint 1 is given." not in (await browser.get("/nowhere")).text

    async def test_htmx_hears_it_as_an_event(self, browser: Browser, make_campaign: CampaignMaker) -> None:
        named = (await make_campaign(1.0)).campaign_id
        done = await browser.post(f"/c/{named}/hint", {"text": "é"}, hx_request="true")
        assert done.status_code == 204
        assert json.loads(done.headers["hx-trigger"]) == {"nf-said": {"text": "Hint 1 is given."}, "nf-change": {}}
        refused = await browser.post(f"/c/{named}/hint", {"text": ""}, hx_request="true")
        assert refused.status_code == 400
        assert json.loads(refused.headers["hx-trigger"])["nf-said"]["problem"] is True

    async def test_what_is_said_is_no_markup(self, browser: Browser) -> None:
        browser.client.cookies.set("nightforge_said", "%3Cscript%3Ealert(1)%3C/script%3E")
        page = (await browser.get("/nowhere")).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


class TestQuestions:
    """What cannot simply be taken back is asked about where a person sees the answer, and nowhere else."""

    @pytest.mark.parametrize("mark", ["discard", "cheat"])
    async def test_a_browser_without_scripts_is_asked_first(
        self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore, mark: str
    ) -> None:
        named = (await make_campaign(1.0, 1.5)).campaign_id
        path = f"/c/{named}/1/{mark}"
        asked = await browser.post(path, {"back": f"/c/{named}/1?against=seed"}, accept="text/html")
        assert asked.status_code == 200
        assert f'action="{path}"' in asked.text
        assert f'href="/c/{named}/1?against=seed"' in asked.text
        assert not store.candidate(named, 1).discarded
        said = await browser.post(path, {"sure": "yes"}, accept="text/html")
        assert said.status_code == 303
        assert store.candidate(named, 1).discarded
        assert (await browser.post(path.replace(mark, f"un{mark}"), accept="text/html")).status_code == 303

    async def test_nobody_else_is(self, browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
        named = (await make_campaign(1.0, 1.5, 1.6)).campaign_id
        assert (await browser.post(f"/c/{named}/1/discard", accept="application/json")).status_code == 200
        assert (await browser.post(f"/c/{named}/2/discard", accept="text/html", hx_request="true")).status_code == 204
        assert store.candidate(named, 1).discarded
        assert store.candidate(named, 2).discarded

    async def test_what_was_asked_is_asked_of_what_is_there(
        self, browser: Browser, make_campaign: CampaignMaker
    ) -> None:
        named = (await make_campaign(1.0, 1.5)).campaign_id
        assert (await browser.post(f"/c/{named}/9/discard", accept="text/html")).status_code == 404
        # It does not run: there is nothing to be asked about.
        assert (await browser.post(f"/c/{named}/stop", accept="text/html")).status_code == 303

    @pytest.mark.parametrize("back", ["//evil.example/x", "https://evil.example", '/"><script>alert(1)</script>'])
    async def test_the_way_back_stays_here(self, browser: Browser, make_campaign: CampaignMaker, back: str) -> None:
        named = (await make_campaign(1.0, 1.5)).campaign_id
        asked = await browser.post(f"/c/{named}/1/discard", {"back": back, "x": '"><b>'}, accept="text/html")
        assert asked.status_code == 200
        assert "evil.example" not in asked.text
        assert "<script>alert" not in asked.text
        assert 'value="&#34;&gt;&lt;b&gt;"' in asked.text
