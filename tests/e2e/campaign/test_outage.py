"""All endpoints fail for a while: the campaign does not end, programs fill the slots, the report names the gap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer
from protocol_server.behaviours import error

from nightforge.domain.evidence import Gaps
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.words import CampaignState, TeamKind
from nightforge.report import build_report, gather
from nightforge.report.markdown import to_markdown
from workflows import outage
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box


def request(server: ProtocolServer, evaluations: int) -> NightRequest:
    model = ModelSpec(model="toy-model", base_url=server.base_url, input_usd_per_mtok=1.0, output_usd_per_mtok=1.0)
    return NightRequest(
        goal="climb the hill to its peak",
        budget=Budget(evaluations=evaluations, cost_usd=500.0),
        team=TeamKind.LLM,
        models=(model,),
        in_flight=3,
    )


async def until(night: Night, kind: str, events_after: int = 0) -> None:
    """An event of that kind is there and so many evaluations were made."""
    async with asyncio.timeout(90):
        while True:
            campaign = next(iter(night.store.campaigns()))
            if campaign.tally.evaluations >= events_after:
                events = night.store.events(campaign.campaign_id, limit=100_000)
                if any(event.kind == kind for event in events):
                    return
            await asyncio.sleep(0.05)


async def test_the_offline_team_fills_the_slots_and_the_report_names_the_gap(
    open_toy_night: NightOpener, protocol_server: ProtocolServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.1")
    monkeypatch.setattr(outage, "LONGEST_PAUSE_S", 2.0)
    monkeypatch.setattr(outage, "FIRST_PAUSE_S", 1.0)
    works, down = reply_as_team(3), error(503, "overloaded")
    is_down = False
    protocol_server.handle(lambda received: down if is_down else works(received))
    async with open_toy_night(base_url=protocol_server.base_url, total_timeout_s=1.0) as night:
        card = await night.begin(request(protocol_server, 150))
        assert isinstance(card, AwaitApproval)
        running = asyncio.create_task(night.approve())
        await until(night, "campaign.state", events_after=12)
        is_down = True
        await until(night, "models.gone")
        before = night.store.tally(card.card.campaign_id).evaluations
        await until(night, "models.gone", events_after=before + 10)
        is_down = False
        await until(night, "models.back")
        done = await running
        assert isinstance(done, Done)
        assert (done.state, done.reason) == (CampaignState.FINISHED, "budget:evaluations")
        (gap,) = (night.store.document(done.campaign_id, "gaps", Gaps) or Gaps()).gaps
        assert gap.what == "models"
        assert gap.candidates >= 5
        assert gap.seconds >= 1.0
        text = to_markdown(build_report(gather(night.store, done.campaign_id)))
        assert "no model answered from" in text
