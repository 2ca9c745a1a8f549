"""Each model delivers before the search. What stops it is told apart: person, budget, endpoint, model."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer
from protocol_server.behaviours import Behaviour, Handler, Received, answer, by_role, error

from nightforge.domain.model import CallKey, CallState, Message
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.rehearsal import RehearsalReport
from nightforge.domain.words import CampaignState, Role, TeamKind
from nightforge.errors import ModelFault, RehearsalFailed
from nightforge.report.data import gather
from nightforge.report.findings import make_belief
from workflows.contract import AwaitApproval, Done, NightRequest, StopSwitch
from workflows.model_rehearsal import MODELS
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
CODER = "You are the coder"
FULL = {"prompt_tokens": 300, "completion_tokens": 100, "total_tokens": 400}


def model(server: ProtocolServer, name: str = "toy-model") -> ModelSpec:
    return ModelSpec(
        model=name,
        base_url=server.base_url,
        input_usd_per_mtok=10.0,
        output_usd_per_mtok=40.0,
        max_output_tokens=500,
    )


def request(*models: ModelSpec, **budget: Any) -> NightRequest:
    return NightRequest(
        goal="climb the hill to its peak", budget=Budget(**budget), team=TeamKind.LLM, models=models, in_flight=2
    )


async def begin(night: Night, wanted: NightRequest) -> str:
    card = await night.begin(wanted)
    assert isinstance(card, AwaitApproval)
    return card.card.campaign_id


def coder_says(say: Handler, others: Handler) -> Handler:
    return by_role({CODER: say}, others)


def asked(server: ProtocolServer, name: str) -> int:
    """Requests to the coder of this model."""
    return sum(received.body["model"] == name and CODER in received.prompt for received in server.requests)


@pytest.mark.parametrize("presses", [1, 2])
async def test_an_interrupt_pauses_and_fails_nothing(
    open_toy_night: NightOpener, protocol_server: ProtocolServer, presses: int
) -> None:
    stop = StopSwitch()

    def prose(received: Received) -> Behaviour:
        for _ in range(presses):
            if not stop.immediate:
                stop.press()
        return answer("I would rather not.", delay_s=5.0 * (presses - 1))

    healthy = reply_as_team(seed=6)
    protocol_server.handle(coder_says(prose, healthy))
    async with open_toy_night(base_url=protocol_server.base_url, stop=stop) as night:
        campaign_id = await begin(night, request(model(protocol_server), evaluations=6, cost_usd=30.0))
        done = await asyncio.wait_for(night.approve(), 30.0)
        assert isinstance(done, Done)
        assert (done.state, done.reason) == (CampaignState.PAUSED, "interrupted")
        assert night.store.document(campaign_id, MODELS, RehearsalReport) is None
    protocol_server.handle(healthy)
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        resumed = await night.resume(campaign_id)
        assert isinstance(resumed, Done)
        assert resumed.state is CampaignState.FINISHED
        assert night.store.tally(campaign_id).evaluations == 6
        report = night.store.document(campaign_id, MODELS, RehearsalReport)
        assert report is not None
        assert [check.path for check in report.checks] == ["toy-model"]
        replies = Counter(
            call.key for call in night.store.calls(campaign_id, limit=1000) if call.state is CallState.ANSWERED
        )
        assert {key.step for key in replies if key.ordinal == 1} >= {"plan_step", "code"}, "its team finishes it"
        assert max(replies.values()) == 1, "and finds the replies that it was given"


async def test_a_budget_that_does_not_reach_through_the_rehearsal_is_no_fault_of_the_model(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    protocol_server.handle(reply_as_team(seed=6))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        campaign_id = await begin(night, request(model(protocol_server), evaluations=1, cost_usd=30.0))
        done = await night.approve()
        assert isinstance(done, Done)
        assert (done.state, done.reason) == (CampaignState.FINISHED, "budget:evaluations")
        assert night.store.tally(campaign_id).evaluations == 1
        more = await night.resume(campaign_id, budget=Budget(evaluations=5))
        assert isinstance(more, Done)
        assert night.store.tally(campaign_id).evaluations == 5
        assert night.store.document(campaign_id, MODELS, RehearsalReport) is not None


async def test_an_endpoint_out_of_reach_pauses(
    open_toy_night: NightOpener, protocol_server: ProtocolServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.llm.MAX_ATTEMPTS", 1)
    healthy = reply_as_team(seed=6)
    protocol_server.handle(coder_says(lambda _: error(503, "overloaded"), healthy))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        campaign_id = await begin(night, request(model(protocol_server), evaluations=6, cost_usd=30.0))
        with pytest.raises(ModelFault, match="overloaded"):
            await night.approve()
        assert night.store.campaign(campaign_id).state is CampaignState.PAUSED
    protocol_server.handle(healthy)
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        resumed = await night.resume()
        assert isinstance(resumed, Done)
        assert resumed.state is CampaignState.FINISHED


async def test_a_model_that_delivered_is_not_rehearsed_again(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    healthy = reply_as_team(seed=6)

    def by_model(received: Received) -> Behaviour:
        return answer("No.") if received.body["model"] == "mute" and CODER in received.prompt else healthy(received)

    protocol_server.handle(by_model)
    wanted = request(model(protocol_server, "able"), model(protocol_server, "mute"), evaluations=8, cost_usd=30.0)
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        campaign_id = await begin(night, wanted)
        with pytest.raises(RehearsalFailed, match="model mute brought no candidate"):
            await night.approve()
        report = night.store.document(campaign_id, MODELS, RehearsalReport)
        assert report is not None
        assert [check.path for check in report.checks] == ["able"]
        before = asked(protocol_server, "able")
        assert before > 0
        with pytest.raises(RehearsalFailed, match="model mute brought no candidate"):
            await night.resume(campaign_id)
    assert asked(protocol_server, "able") == before


async def test_no_candidate_of_the_search_comes_before_each_model_delivered(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    protocol_server.handle(reply_as_team(seed=6))
    wanted = request(model(protocol_server, "one"), model(protocol_server, "two"), evaluations=10, cost_usd=30.0)
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        campaign_id = await begin(night, wanted)
        done = await night.approve()
        assert isinstance(done, Done)
        store = night.store
        report = store.document(campaign_id, MODELS, RehearsalReport)
        assert report is not None
        assert [check.path for check in report.checks] == ["one", "two"]
        lines = [profile.describe() for profile in gather(store, campaign_id).models]
        assert [line.split(":")[0] for line in lines] == ["one", "two"]
        assert all("typed replies by json_schema, kept to; context not known" in line for line in lines)
        delivered = [int(check.outcome.removeprefix("candidate ")) for check in report.checks]
        for ordinal, name in zip(delivered, ("one", "two"), strict=True):
            calls = store.calls(campaign_id, ordinal=ordinal, limit=100)
            assert {call.model for call in calls if call.key.role is Role.CODER} == {name}
            assert store.candidate(campaign_id, ordinal).evidence is not None
        held = [
            event.sequence
            for event in store.events(campaign_id, limit=10_000)
            if event.kind == "campaign.document" and event.payload["name"] == MODELS
        ]
        opened = {
            event.ordinal: event.sequence
            for event in store.events(campaign_id, limit=10_000)
            if event.kind == "candidate.opened"
        }
        assert max(delivered) < 9
        assert all(sequence > held[-1] for ordinal, sequence in opened.items() if (ordinal or 0) > max(delivered))


@pytest.mark.parametrize("is_cut_short", [False, True])
async def test_a_share_that_is_used_up_fails_no_campaign(
    open_toy_night: NightOpener,
    protocol_server: ProtocolServer,
    caplog: pytest.LogCaptureFixture,
    is_cut_short: bool,
) -> None:
    """1 % of $1 pays for one candidate of prose, or for less than the reserve of one call that a kill lost."""
    healthy = reply_as_team(seed=6)
    stop = StopSwitch()

    def prose(received: Received) -> Behaviour:
        while is_cut_short and not stop.immediate:
            stop.press()
        return answer("No.", usage=FULL)

    protocol_server.handle(coder_says(prose, healthy))
    wanted = request(model(protocol_server), evaluations=3, cost_usd=1.0)
    async with open_toy_night(base_url=protocol_server.base_url, stop=stop) as night:
        campaign_id = await begin(night, wanted)
        done = await night.approve()
    if is_cut_short:
        assert isinstance(done, Done)
        assert done.state is CampaignState.PAUSED
        async with open_toy_night(base_url=protocol_server.base_url) as night:
            done = await night.resume(campaign_id)
    assert isinstance(done, Done)
    assert done.state is CampaignState.FINISHED
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        report = night.store.document(campaign_id, MODELS, RehearsalReport)
        assert night.store.tally(campaign_id).candidates > 2, "the search was begun"
        assert "toy-model brought no candidate" in str(make_belief(gather(night.store, campaign_id)))
    assert report is not None
    assert [check.held for check in report.checks] == [False]
    assert "in 1 try: no_program; 1% of the caps pays for no other try" in caplog.text


async def test_a_model_has_its_first_candidate_whatever_the_share_pays_for(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    healthy, good = reply_as_team(seed=6), answer("NOTE: climb\n```\n# whole\nX = 6\nY = 6\n```")
    protocol_server.handle(coder_says(lambda _: good, healthy))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        campaign_id = await begin(night, request(model(protocol_server), evaluations=2, cost_usd=0.5))
        done = await night.approve()
        assert isinstance(done, Done)
        report = night.store.document(campaign_id, MODELS, RehearsalReport)
    assert report is not None
    assert [(check.outcome, check.held) for check in report.checks] == [("candidate 1", True)]


async def test_calls_lost_in_a_kill_count_against_the_dollar_cap_of_the_next_session(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    """Most of the cap was in flight at the kill: what is left pays for next to nothing."""
    protocol_server.handle(reply_as_team(seed=6))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        campaign_id = await begin(night, request(model(protocol_server), evaluations=50, cost_usd=0.5))
        key = CallKey(campaign_id=campaign_id, ordinal=1, step="code", role=Role.CODER)
        messages = [Message(role="user", content="improve it")]
        await night.store.open_call(key, "0" * 64, messages, model="toy-model", reserved_usd=0.45)
        done = await night.approve()
        assert isinstance(done, Done)
        tally = night.store.tally(campaign_id)
        lost = [call for call in night.store.calls(campaign_id, limit=1000) if call.state is CallState.LOST]
    assert done.reason == "budget:cost_usd"
    assert [call.cost_usd for call in lost] == [0.45]
    assert 0.45 <= tally.cost_usd <= 0.5
