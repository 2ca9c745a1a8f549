"""The campaign-level graph: goal → plan → approve → run → report, with a checkpointer and two stops for a person.

What its state holds is small and plain; candidates are in the store. Nodes that wait for a person do nothing before
they wait, since LangGraph starts such a node again from its top.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import randbits
from typing import TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import interrupt

from agents.planner_reading import answer_goal
from nightforge.domain.base import Json, Scalar
from nightforge.domain.candidate import Campaign, Tally
from nightforge.domain.plan import GoalReading, Plan
from nightforge.domain.task import Task
from nightforge.domain.words import CampaignState, TeamKind
from nightforge.errors import NightforgeError, UserError
from tools.budget import BudgetMeter
from workflows.contract import NightRequest, StopSwitch
from workflows.drafting import blank_plan
from workflows.house import House
from workflows.planning import check_budget, check_parameters, make_plan
from workflows.running import run_campaign


class NightState(TypedDict, total=False):
    request: Json
    reading: Json
    campaign_id: str
    approved: bool
    reason: str


NightGraph = CompiledStateGraph[NightState, None, NightState, NightState]


class NightNodes:
    def __init__(self, house: House, stop: StopSwitch) -> None:
        self.house = house
        self.stop = stop

    async def read(self, state: NightState) -> NightState:
        request = NightRequest.model_validate(state["request"])
        check_budget(request.budget)
        update: NightState = {}
        if request.plan is not None:
            plan = request.plan
            reading = GoalReading(goal=plan.goal, task=plan.task, parameters=plan.parameters)
        elif request.task is not None and not request.goal.strip():
            task = self.house.find_task(request.task)
            reading = GoalReading(goal=task.goal, task=task.name)
        elif request.team is TeamKind.LLM:
            campaign = await self._open_draft(request)
            update["campaign_id"] = campaign.campaign_id
            async with self._failing(campaign.campaign_id):
                reading = await self._read_goal(request, campaign)
            if reading.task is None:
                await self._refuse(campaign.campaign_id)
        else:
            reading = await self._read_goal(request, None)
        return {"reading": reading.model_dump(mode="json"), **update}

    @asynccontextmanager
    async def _failing(self, campaign_id: str | None) -> AsyncIterator[None]:
        """A campaign whose planning broke has nothing to resume: its row says why, and is done with."""
        try:
            yield
        except (NightforgeError, asyncio.CancelledError) as error:
            if campaign_id is not None:
                reason = f"planning: {str(error) or 'interrupted'}"[:500]
                await self.house.store.set_campaign_state(campaign_id, CampaignState.FAILED, reason=reason)
            raise

    async def _open_draft(self, request: NightRequest) -> Campaign:
        """A model reads the goal, and each request is a row of a campaign: so the row comes first, its plan later."""
        draft = blank_plan(request, self.house.resolve_models(request.models))
        return await self.house.store.create_campaign(draft, tier=self.house.sandbox.tier, owner=self.house.owner)

    async def _read_goal(self, request: NightRequest, campaign: Campaign | None) -> GoalReading:
        meter = BudgetMeter(request.budget, spent=Tally())
        models, campaign_id = (campaign.plan.models, campaign.campaign_id) if campaign else ((), "")
        team = self.house.make_team(models, meter, campaign_id)
        return await team.planner.read_goal(request.goal, self._tasks(request))

    async def ask(self, state: NightState) -> NightState:
        """Waits for the answers to at most three questions, and holds them against what the task offers."""
        answers: dict[str, Scalar] = interrupt("questions")
        request = NightRequest.model_validate(state["request"])
        reading = answer_goal(
            GoalReading.model_validate(state["reading"]),
            answers,
            self._tasks(request),
            now=self.house.clock.now().astimezone(),
        )
        if reading.task is None:
            await self._refuse(state.get("campaign_id"))
        return {"reading": reading.model_dump(mode="json")}

    def _tasks(self, request: NightRequest) -> list[Task]:
        return [self.house.find_task(request.task)] if request.task else list(self.house.tasks())

    async def _refuse(self, campaign_id: str | None) -> None:
        if campaign_id is not None:
            reason = "the goal fits no task"
            await self.house.store.set_campaign_state(campaign_id, CampaignState.FAILED, reason=reason)

    async def plan(self, state: NightState) -> NightState:
        """The plan, the baselines measured now, and the campaign's row; nothing of the budget is spent."""
        request = NightRequest.model_validate(state["request"])
        reading = GoalReading.model_validate(state["reading"])
        if reading.task is None:
            raise UserError("the goal fits no task", hint=reading.refusal)
        store, campaign_id = self.house.store, state.get("campaign_id")
        async with self._failing(campaign_id):
            task = self.house.find_task(request.task or reading.task)
            plan = self._make_plan(request, reading, task)
            calibration = await self.house.evaluator(task).calibrate(task, plan.parameters, seed=randbits(63))
        if campaign_id is None:
            campaign_id = (
                await store.create_campaign(plan, tier=self.house.sandbox.tier, owner=self.house.owner)
            ).campaign_id
        else:
            await store.save_plan(campaign_id, plan)
        await store.save_document(campaign_id, "calibration", calibration)
        return {"campaign_id": campaign_id}

    def _make_plan(self, request: NightRequest, reading: GoalReading, task: Task) -> Plan:
        if request.plan is not None:
            check_budget(request.plan.budget)
            check_parameters(task, request.plan.parameters)
            return request.plan
        models = self.house.resolve_models(request.models) if request.team is TeamKind.LLM else ()
        return make_plan(request.model_copy(update={"models": models}), reading, task)

    async def approve(self, state: NightState) -> NightState:
        """Waits for a person's Enter; the card is made by the front end from the campaign's row."""
        approved = bool(interrupt("approve"))
        if approved:
            await self.house.store.set_campaign_state(state["campaign_id"], CampaignState.RUNNING, reason="approved")
        return {"approved": approved}

    async def run(self, state: NightState) -> NightState:
        return {"reason": await run_campaign(self.house, state["campaign_id"], self.stop)}


def _after_start(state: NightState) -> str:
    if "campaign_id" not in state:
        return "read"
    return "run" if state.get("approved") else "approve"


def _after_read(state: NightState) -> str:
    reading = GoalReading.model_validate(state["reading"])
    if reading.task is None:
        return END
    return "ask" if reading.questions else "plan"


def build_night_graph(house: House, stop: StopSwitch, saver: BaseCheckpointSaver[str]) -> NightGraph:
    nodes = NightNodes(house, stop)
    graph = StateGraph(NightState)
    graph.add_node("read", nodes.read)
    graph.add_node("ask", nodes.ask)
    graph.add_node("plan", nodes.plan)
    graph.add_node("approve", nodes.approve)
    graph.add_node("run", nodes.run)
    graph.add_conditional_edges(START, _after_start, ["read", "approve", "run"])
    graph.add_conditional_edges("read", _after_read, ["ask", "plan", END])
    graph.add_conditional_edges("ask", _after_read, ["ask", "plan", END])
    graph.add_edge("plan", "approve")
    graph.add_conditional_edges("approve", lambda state: "run" if state["approved"] else END, ["run", END])
    graph.add_edge("run", END)
    return graph.compile(checkpointer=saver, name="night")
