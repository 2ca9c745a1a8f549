"""A night planned in steps, as the web pages do it: reading, answers, measuring, approval, each in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer

from agents.offline.planner import OfflinePlanner
from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Calibration
from nightforge.domain.plan import Budget, GoalReading, ModelSpec, Question
from nightforge.domain.words import CampaignState, SandboxTier, TeamKind
from nightforge.errors import BudgetRefused, CampaignBusy, NotFound, UserError
from workflows.contract import Done, NightRequest
from workflows.drafting import (
    UNPLANNED,
    answer_draft,
    draft_of,
    is_measured,
    is_preparing,
    open_draft,
    prepare,
)
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
GOAL = "climb the hill to its peak"
pytestmark = pytest.mark.box


def asked(**more: object) -> NightRequest:
    return NightRequest.model_validate({"goal": GOAL, "task": "toy-peak", "budget": Budget(evaluations=8), **more})


async def drafted(night: Night, request: NightRequest, reading: GoalReading | None = None) -> Campaign:
    now = night.house.clock.now()
    return await open_draft(
        night.store, request, reading, tier=SandboxTier.BUBBLEWRAP, owner="ann", now=now - timedelta(minutes=1)
    )


async def read(night: Night) -> GoalReading:
    tasks = [night.house.find_task("toy-peak")]
    return await OfflinePlanner(night.house.clock).read_goal(GOAL, tasks)


async def test_a_draft_is_measured_and_runs_as_any_other_plan(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        named = (await drafted(night, asked(seed=7), await read(night))).campaign_id
        assert night.store.campaign(named).plan.task == UNPLANNED
        await prepare(night.house, named)
        plan = night.store.campaign(named).plan
        assert (plan.task, plan.search.seed, plan.budget.evaluations) == ("toy-peak", 7, 8)
        assert night.store.document(named, "calibration", Calibration) is not None
        assert is_measured(draft_of(night.store, named), plan)
        assert not is_preparing(night.store, named)
        step = await night.resume(named)
        done = await night.approve()
        assert step is not None
        assert isinstance(done, Done)
        assert (done.campaign_id, done.state) == (named, CampaignState.FINISHED)
        assert night.store.tally(named).evaluations == 8


async def test_measured_once_it_is_not_measured_again(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        named = (await drafted(night, asked(), await read(night))).campaign_id
        await prepare(night.house, named)
        before = night.store.document(named, "calibration", Calibration)
        events = [event.kind for event in night.store.events(named)]
        await prepare(night.house, named)
        assert night.store.document(named, "calibration", Calibration) == before
        assert [event.kind for event in night.store.events(named)] == events


async def test_without_a_reading_the_goal_is_read_here(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    """By a model: each request is a row of the draft's campaign, and is paid from its budget."""
    protocol_server.handle(reply_as_team(seed=1))
    model = ModelSpec(
        model="toy-model", base_url=protocol_server.base_url, input_usd_per_mtok=10.0, output_usd_per_mtok=40.0
    )
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        request = asked(team=TeamKind.LLM, models=(model,), budget=Budget(evaluations=8, cost_usd=5.0))
        named = (await drafted(night, request)).campaign_id
        await prepare(night.house, named)
        assert draft_of(night.store, named).reading is not None
        campaign = night.store.campaign(named)
        assert campaign.plan.task == "toy-peak"
        assert campaign.plan.models == (model,)
        assert len(night.store.calls(named)) == len(protocol_server.requests) > 0
        assert campaign.tally.cost_usd > 0


async def test_questions_wait_for_a_person(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        reading = await read(night)
        question = Question(name="task", text="This one?", default="toy-peak", choices=("toy-peak", "none"))
        open_ = reading.model_copy(update={"questions": (question,)})
        campaign = await drafted(night, asked(), open_)
        named = campaign.campaign_id
        await prepare(night.house, named)
        assert night.store.campaign(named).plan.task == UNPLANNED
        tasks = [night.house.find_task("toy-peak")]
        now = night.house.clock.now()
        with pytest.raises(UserError, match="not on offer"):
            await answer_draft(night.store, campaign, {"task": "another"}, tasks, now=now)
        await answer_draft(night.store, campaign, {"task": "toy-peak"}, tasks, now=now)
        await prepare(night.house, named)
        assert night.store.campaign(named).plan.task == "toy-peak"


async def test_the_answer_none_ends_the_draft(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        question = Question(name="task", text="This one?", default="toy-peak", choices=("toy-peak", "none"))
        open_ = (await read(night)).model_copy(update={"questions": (question,)})
        campaign = await drafted(night, asked(), open_)
        tasks = [night.house.find_task("toy-peak")]
        await answer_draft(night.store, campaign, {"task": "none"}, tasks, now=night.house.clock.now())
        ended = night.store.campaign(campaign.campaign_id)
        assert (ended.state, ended.reason) == (CampaignState.FAILED, "the goal fits no task")
        await prepare(night.house, campaign.campaign_id)
        assert night.store.campaign(campaign.campaign_id) == ended


async def test_one_process_prepares_at_a_time(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        named = (await drafted(night, asked(), await read(night))).campaign_id
        both = await asyncio.gather(prepare(night.house, named), prepare(night.house, named), return_exceptions=True)
        assert [type(one) for one in both if one is not None] == [CampaignBusy]
        assert night.store.campaign(named).state is CampaignState.PLANNED
        assert is_measured(draft_of(night.store, named), night.store.campaign(named).plan)


async def test_what_breaks_ends_the_draft_with_its_reason(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        named = (await drafted(night, asked(task="no-such-task"), await read(night))).campaign_id
        with pytest.raises(NotFound):
            await prepare(night.house, named)
        ended = night.store.campaign(named)
        assert ended.state is CampaignState.FAILED
        assert ended.reason.startswith("planning: ")
        assert "no-such-task" in ended.reason
        assert not is_preparing(night.store, named)


async def test_a_budget_of_zero_opens_nothing(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        with pytest.raises(BudgetRefused):
            await drafted(night, asked(budget=Budget(evaluations=0)), await read(night))
        assert night.store.campaigns() == ()


async def test_a_plan_of_the_terminal_is_no_draft(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        await night.begin(asked())
        named = night.store.campaigns()[0].campaign_id
        with pytest.raises(NotFound, match="no draft"):
            draft_of(night.store, named)
