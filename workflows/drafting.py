"""A night planned in steps that a person takes apart from each other, as on the web pages: each is in the database.

The goal's reading, the answers and the edits are a document of the campaign; measuring is a process of its own
(`nightforge prepare`), so that who shows the card never runs a candidate.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from secrets import randbits

from agents.planner_reading import answer_goal
from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.candidate import Campaign, Tally
from nightforge.domain.plan import GoalReading, ModelSpec, Plan
from nightforge.domain.ports import Clock, Store
from nightforge.domain.task import Objective, Task
from nightforge.domain.words import CampaignState, Direction, SandboxTier, TeamKind
from nightforge.errors import CampaignBusy, NightforgeError, NotFound, UserError
from tools.budget import BudgetMeter
from workflows.contract import NightRequest
from workflows.house import House
from workflows.planning import check_budget, make_plan

UNPLANNED = "(not planned yet)"
DOCUMENT = "draft"
LEASE_S = 6.0
HEARTBEAT_S = 1.5


class Draft(Frozen):
    """What is known of a night before it is approved."""

    request: NightRequest
    reading: GoalReading | None = None
    """None until a model has read the goal."""
    measured_with: dict[str, Scalar] | None = None
    """The task's parameters that the calibration holds for."""
    asked_at: datetime
    """When the process that goes on with it was last started."""


def blank_plan(request: NightRequest, models: Sequence[ModelSpec]) -> Plan:
    """The plan of a campaign whose goal was not read yet: each request to a model is a row of a campaign."""
    return Plan(
        goal=request.goal,
        task=UNPLANNED,
        objectives=(Objective(metric=UNPLANNED, unit="", direction=Direction.MAX),),
        budget=request.budget,
        team=request.team,
        models=tuple(models),
    )


async def open_draft(
    store: Store, request: NightRequest, reading: GoalReading | None, *, tier: SandboxTier, owner: str, now: datetime
) -> Campaign:
    """A campaign in state `planned` for it. BudgetRefused for a cap of zero."""
    check_budget(request.budget)
    campaign = await store.create_campaign(blank_plan(request, request.models), tier=tier, owner=owner)
    await save_draft(store, campaign.campaign_id, Draft(request=request, reading=reading, asked_at=now))
    return campaign


async def save_draft(store: Store, campaign_id: str, draft: Draft) -> None:
    await store.save_document(campaign_id, DOCUMENT, draft)


def draft_of(store: Store, campaign_id: str) -> Draft:
    draft = store.document(campaign_id, DOCUMENT, Draft)
    if draft is None:
        hint = f"it was planned in a terminal: `nightforge resume {campaign_id}` shows its card"
        raise NotFound(f"campaign {campaign_id} has no draft", where="draft", hint=hint)
    return draft


def is_preparing(store: Store, campaign_id: str) -> bool:
    return store.is_held(_resource(campaign_id))


def is_measured(draft: Draft, plan: Plan) -> bool:
    """The calibration there is holds for the plan as it is now."""
    return plan.task != UNPLANNED and draft.measured_with == plan.parameters


async def answer_draft(
    store: Store, campaign: Campaign, answers: Mapping[str, Scalar], tasks: Sequence[Task], *, now: datetime
) -> GoalReading:
    """The reading after the answers, kept; another task than the one proposed may ask again."""
    draft = draft_of(store, campaign.campaign_id)
    if draft.reading is None:
        raise UserError("no question is open", where=f"campaign {campaign.campaign_id}", hint="load the page again")
    reading = answer_goal(draft.reading, answers, tasks, now=now)
    await save_draft(store, campaign.campaign_id, draft.model_copy(update={"reading": reading, "asked_at": now}))
    if reading.task is None:
        await refuse_draft(store, campaign.campaign_id)
    return reading


async def refuse_draft(store: Store, campaign_id: str) -> None:
    await store.set_campaign_state(campaign_id, CampaignState.FAILED, reason="the goal fits no task")


async def prepare(house: House, campaign_id: str) -> None:
    """Go on with a draft as far as no person is needed: read the goal, make the plan, measure.

    Nothing is left to do for one that waits for answers, is measured, approved or given up. What breaks ends the
    campaign as `failed` with the reason, and is raised.
    """
    store = house.store
    async with _held(store, campaign_id, house.clock):
        campaign = store.campaign(campaign_id)
        if campaign.state is not CampaignState.PLANNED:
            return
        try:
            await _advance(house, campaign)
        except (NightforgeError, asyncio.CancelledError) as error:
            reason = f"planning: {str(error) or 'interrupted'}"[:500]
            await store.set_campaign_state(campaign_id, CampaignState.FAILED, reason=reason)
            raise


async def _advance(house: House, campaign: Campaign) -> None:
    store, campaign_id = house.store, campaign.campaign_id
    draft = draft_of(store, campaign_id)
    if draft.reading is None:
        draft = draft.model_copy(update={"reading": await _read(house, campaign, draft.request)})
        await save_draft(store, campaign_id, draft)
    reading = draft.reading
    assert reading is not None
    if reading.task is None:
        await refuse_draft(store, campaign_id)
        return
    if reading.questions:
        return
    plan = store.campaign(campaign_id).plan
    if plan.task == UNPLANNED:
        task = house.find_task(draft.request.task or reading.task)
        plan = make_plan(draft.request, reading, task)
        await store.save_plan(campaign_id, plan)
    if is_measured(draft, plan):
        return
    task = house.find_task(plan.task)
    calibration = await house.evaluator(task).calibrate(task, plan.parameters, seed=randbits(63))
    await store.save_document(campaign_id, "calibration", calibration)
    await save_draft(store, campaign_id, draft.model_copy(update={"measured_with": dict(plan.parameters)}))


async def _read(house: House, campaign: Campaign, request: NightRequest) -> GoalReading:
    models = campaign.plan.models if request.team is TeamKind.LLM else ()
    team = house.make_team(models, BudgetMeter(request.budget, spent=Tally()), campaign.campaign_id)
    tasks = [house.find_task(request.task)] if request.task else list(house.tasks())
    return await team.planner.read_goal(request.goal, tasks)


def _resource(campaign_id: str) -> str:
    return f"prepare:{campaign_id}"


@asynccontextmanager
async def _held(store: Store, campaign_id: str, clock: Clock) -> AsyncIterator[None]:
    """One process prepares a campaign; who is second gets CampaignBusy."""
    lease = await store.claim_lease(_resource(campaign_id), secrets.token_hex(8), ttl_s=LEASE_S)
    if lease is None:
        raise CampaignBusy(f"campaign {campaign_id} is being prepared by another process")

    async def beat() -> None:
        while True:
            await clock.sleep(HEARTBEAT_S)
            await store.renew_lease(lease, ttl_s=LEASE_S)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError, NightforgeError):
            await beating
        await store.release_lease(lease)
