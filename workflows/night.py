"""One front end's view of a night: begin, answer, approve, resume. Each call runs the graph to its next stop."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from nightforge.domain.base import Scalar
from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Calibration
from nightforge.domain.minimisation import Minimisation
from nightforge.domain.plan import Budget, GoalReading, Plan
from nightforge.domain.ports import Store
from nightforge.domain.words import CampaignState
from nightforge.errors import NotFound, UserError
from nightforge.settings import Settings
from workflows.contract import (
    Allowance,
    AskQuestions,
    AwaitApproval,
    Done,
    NightRequest,
    NightStep,
    PlanCard,
    Refused,
    StopSwitch,
)
from workflows.house import House, open_house
from workflows.night_graph import NightState, build_night_graph
from workflows.planning import check_budget, make_card
from workflows.running import has_improved, minimise_winner


class Night:
    def __init__(self, house: House, saver: BaseCheckpointSaver[str], stop: StopSwitch) -> None:
        self.house = house
        self._stop = stop
        self._graph = build_night_graph(house, stop, saver)
        self._config = _new_thread()

    @property
    def store(self) -> Store:
        return self.house.store

    async def begin(self, request: NightRequest) -> NightStep:
        self._config = _new_thread()
        return await self._advance({"request": request.model_dump(mode="json")})

    async def answer(self, answers: Mapping[str, Scalar]) -> NightStep:
        return await self._advance(Command(resume=dict(answers)))

    async def approve(self, plan: Plan | None = None) -> NightStep:
        """Start; `plan`, when given, replaces the one on the card (another budget, another seed)."""
        if plan is not None:
            check_budget(plan.budget)
            await self.store.save_plan((await self._values())["campaign_id"], plan)
        return await self._advance(Command(resume=True))

    async def resume(self, campaign_id: str | None = None, *, budget: Budget | None = None) -> NightStep:
        """Go on with a campaign: the newest unfinished one when none is named. A plan never approved comes back."""
        campaign = self.store.campaign(campaign_id) if campaign_id else self._newest_unfinished()
        if budget is not None:
            check_budget(budget)
            caps = {name: cap for name, cap in budget.model_dump().items() if cap is not None}
            raised = campaign.plan.budget.model_copy(update=caps)
            await self.store.save_plan(campaign.campaign_id, campaign.plan.model_copy(update={"budget": raised}))
        self._config = _new_thread()
        approved = campaign.state is not CampaignState.PLANNED
        return await self._advance({"campaign_id": campaign.campaign_id, "approved": approved})

    async def minimise(self, campaign_id: str, ordinal: int, allowance: Allowance) -> Minimisation:
        """A confirmed candidate without what it does not need; see `workflows.minimisation`."""
        return await minimise_winner(self.house, campaign_id, ordinal, self._stop, allowance)

    def _newest_unfinished(self) -> Campaign:
        """One that was begun goes before a plan that still waits for approval."""
        ended = {CampaignState.FINISHED, CampaignState.FAILED}
        campaigns = [campaign for campaign in self.store.campaigns() if campaign.state not in ended]
        for campaign in sorted(campaigns, key=lambda one: one.state is CampaignState.PLANNED):
            return campaign
        raise NotFound("no unfinished campaign", hint="`nightforge list` shows all; name one to give it more budget")

    async def _advance(self, step: NightState | Command[str]) -> NightStep:
        await self._graph.ainvoke(step, self._config, durability="sync")
        state = await self._values()
        waiting = (await self._graph.aget_state(self._config)).next
        if "ask" in waiting:
            reading = GoalReading.model_validate(state["reading"])
            return AskQuestions(reading=reading, questions=reading.questions)
        if "approve" in waiting:
            return AwaitApproval(card=self._card(self.store.campaign(state["campaign_id"])))
        if "reading" in state and (reading := GoalReading.model_validate(state["reading"])).task is None:
            return Refused(reading=reading)
        campaign = self.store.campaign(state["campaign_id"])
        return Done(
            campaign_id=campaign.campaign_id,
            state=campaign.state,
            reason=state.get("reason", campaign.reason),
            improved=has_improved(self.store, campaign),
        )

    async def _values(self) -> NightState:
        return cast(NightState, (await self._graph.aget_state(self._config)).values)

    def _card(self, campaign: Campaign) -> PlanCard:
        calibration = self.store.document(campaign.campaign_id, "calibration", Calibration)
        if calibration is None:
            raise UserError(
                f"campaign {campaign.campaign_id} has no calibration", hint="start it again with `nightforge run`"
            )
        plan, tier = campaign.plan, self.house.sandbox.tier
        disclosure = self.house.disclose(plan.models)
        task = self.house.find_task(plan.task)
        hidden = self.store.hidden_openings(campaign.campaign_id, task.name)
        return make_card(plan, task, calibration, tier, disclosure, campaign_id=campaign.campaign_id, hidden=hidden)


def _new_thread() -> RunnableConfig:
    """Each begin and each resume is a run of its own: nothing is left over from the one before."""
    return {"configurable": {"thread_id": uuid.uuid4().hex}}


@asynccontextmanager
async def open_night(settings: Settings, *, stop: StopSwitch) -> AsyncIterator[Night]:
    async with open_house(settings) as house, open_saver(house) as saver:
        yield Night(house, saver, stop)


@asynccontextmanager
async def open_saver(house: House) -> AsyncIterator[BaseCheckpointSaver[str]]:
    async with AsyncSqliteSaver.from_conn_string(str(house.checkpoints)) as saver:
        await saver.conn.execute("PRAGMA synchronous = NORMAL")
        yield saver
