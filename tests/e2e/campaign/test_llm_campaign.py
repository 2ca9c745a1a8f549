"""The LLM team over real HTTP: planner, coder (diff, full), judge and repair, cost and cap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer
from protocol_server.behaviours import answer, by_role, error

from nightforge.domain.model import CallState
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.words import CampaignState, CandidateState, TeamKind
from nightforge.errors import ModelAccessRefused, NotFound, RehearsalFailed
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box


def request(server: ProtocolServer, **budget: Any) -> NightRequest:
    model = ModelSpec(
        model="toy-model",
        base_url=server.base_url,
        input_usd_per_mtok=10.0,
        output_usd_per_mtok=40.0,
        max_output_tokens=500,
    )
    return NightRequest(
        goal="climb the hill to its peak", budget=Budget(**budget), team=TeamKind.LLM, models=(model,), in_flight=4
    )


async def run(night: Night, wanted: NightRequest) -> Done:
    card = await night.begin(wanted)
    assert isinstance(card, AwaitApproval), card
    done = await night.approve()
    assert isinstance(done, Done)
    return done


async def test_a_mixed_model_improves_and_every_role_speaks(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    protocol_server.handle(reply_as_team(seed=1))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        done = await run(night, request(protocol_server, evaluations=40, cost_usd=50.0))
        store, campaign_id = night.store, done.campaign_id
        assert done.state is CampaignState.FINISHED
        assert done.improved
        tally = store.tally(campaign_id)
        assert tally.evaluations == 40
        calls = store.calls(campaign_id, limit=10_000)
        steps = Counter(call.key.step.split(".")[0] for call in calls)
        assert set(steps) >= {"plan", "plan_step", "code", "repair", "judge", "analyse"}, steps
        assert len(calls) == len(protocol_server.requests), "each request is a row, each row a request"
        best = store.ranked(campaign_id, limit=1)[0]
        assert best.state is CandidateState.CONFIRMED
        assert best.verdict is None or best.verdict.next_step == "climb on"
        assert tally.cost_usd == pytest.approx(sum(call.cost_usd for call in calls))
        per_call = (100 * 10.0 + 20 * 40.0) / 1e6
        assert tally.cost_usd == pytest.approx(len(calls) * per_call), "cost is reported usage at the model's price"


async def test_the_failing_stage_stands_in_the_repair_request(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    protocol_server.handle(reply_as_team(seed=2))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        done = await run(night, request(protocol_server, evaluations=30, cost_usd=50.0))
        rows = [
            call for call in night.store.calls(done.campaign_id, limit=10_000) if call.key.step.startswith("repair")
        ]
        texts = ["\n".join(message.content for message in night.store.call_messages(call.call_id)) for call in rows]
    assert any("is a multiple of seven" in text and "wrong_output" in text for text in texts), "evidence of a stage"
    assert any("edit_does_not_apply" in text for text in texts), "an edit that did not apply"
    assert any("no_program" in text for text in texts), "prose instead of a program"


async def test_the_dollar_cap_holds_with_calls_in_flight(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    protocol_server.handle(reply_as_team(seed=3, delay_s=0.02))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        done = await run(night, request(protocol_server, evaluations=500, cost_usd=0.25))
        tally = night.store.tally(done.campaign_id)
    assert done.reason == "budget:cost_usd"
    assert 0.15 < tally.cost_usd <= 0.25


async def test_a_wrong_key_pauses_the_campaign_with_a_hint(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    protocol_server.always(error(401, "bad key"))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        with pytest.raises(ModelAccessRefused) as refused:
            await run(night, request(protocol_server, evaluations=5, cost_usd=1.0))
    assert refused.value.exit_code == 2
    assert refused.value.hint


async def test_a_model_that_brings_nothing_fails_its_rehearsal(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    healthy = reply_as_team(seed=4)
    protocol_server.handle(by_role({"You are the coder": lambda _: answer("I would rather not.")}, healthy))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        with pytest.raises(RehearsalFailed, match="toy-model brought no candidate") as failed:
            await run(night, request(protocol_server, evaluations=20, cost_usd=5.0))
        campaign = night.store.campaigns()[0]
        assert campaign.state is CampaignState.FAILED
    assert failed.value.exit_code == 4


async def test_model_usage_that_is_not_reported_is_booked_at_its_reserve(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    healthy = reply_as_team(seed=5)
    silent = by_role({"You judge one candidate": lambda _: answer('{"summary": "fine"}', usage=None)}, healthy)
    protocol_server.handle(silent)
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        done = await run(night, request(protocol_server, evaluations=8, cost_usd=5.0))
        judged = [call for call in night.store.calls(done.campaign_id, limit=1000) if call.key.step.startswith("judge")]
    assert judged
    assert all(call.usage.estimated and call.cost_usd == pytest.approx(call.reserved_usd) for call in judged)
    assert all(call.state is CallState.ANSWERED for call in judged)


async def test_a_planner_out_of_reach_leaves_nothing_to_resume(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    protocol_server.always(error(401, "bad key"))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        with pytest.raises(ModelAccessRefused):
            await night.begin(request(protocol_server, evaluations=5, cost_usd=1.0))
        campaign = night.store.campaigns()[0]
        assert campaign.state is CampaignState.FAILED
        assert campaign.reason.startswith("planning:")
        with pytest.raises(NotFound):
            await night.resume()
