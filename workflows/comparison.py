"""Several policies, several seeds, one budget: campaigns in sequence, each resumable, the whole too."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import randbits

from pydantic import ValidationError

from agents.planner_reading import answer_goal, read_goal_by_words
from nightforge.domain.comparison import Cell, Comparison, ComparisonSpec, Summary
from nightforge.domain.plan import Budget, GoalReading, Plan
from nightforge.domain.rehearsal import RehearsalReport
from nightforge.domain.task import Task
from nightforge.domain.words import CampaignState, TeamKind
from nightforge.errors import StoreFault, UserError
from nightforge.registry import POLICIES, registered
from nightforge.settings import Settings
from workflows.comparison_summary import summarise
from workflows.contract import NightRequest, StopSwitch
from workflows.house import House, open_house
from workflows.planning import make_plan
from workflows.running import INTERRUPTED, run_campaign

Told = Callable[[Comparison, Cell], None]
"""Called before and after each campaign."""
CONFIRMED = 1
"""Finalists per campaign: a comparison wants the champion's true number, nothing more."""


def read_comparison_goal(house: House, goal: str, task: str | None) -> GoalReading:
    """A task's name, or words read by the offline planner with the default of every question.

    UserError where no task fits: a comparison spends no model call on reading its goal.
    """
    tasks = [house.find_task(task)] if task else list(house.tasks())
    named = next((one for one in tasks if one.name == goal), None)
    if named is None and "/" in goal:
        named = house.find_task(goal)
    if named is not None:
        return GoalReading(goal=named.goal, task=goal if "/" in goal else named.name)
    now = house.clock.now().astimezone()
    reading = read_goal_by_words(goal, tasks, now=now)
    while reading.task is not None and reading.questions:
        reading = answer_goal(reading, {}, tasks, now=now)
    if reading.task is None:
        raise UserError(reading.refusal or "no task fits the goal", where="goal", hint="`nightforge tasks` lists them")
    return reading


def check_policies(names: Sequence[str]) -> None:
    """Before anything is measured: UserError for one that is not registered, and for one named twice."""
    known = registered(POLICIES)
    for name in names:
        if name not in known:
            raise UserError(f"there is no policy {name!r}", where="--policies", hint=f"there is: {', '.join(known)}")
    if len(set(names)) != len(names):
        raise UserError("a policy is named twice", where="--policies", hint="name each once; --seeds repeats them")


@dataclass(frozen=True)
class ComparisonRequest:
    """What the person asked for: a task's name or a goal, and who is compared how often on what budget."""

    goal: str
    policies: tuple[str, ...]
    seeds: tuple[int, ...]
    evaluations: int
    task: str | None = None
    preset: str = ""
    cpu_s: float | None = None


@asynccontextmanager
async def open_comparing(settings: Settings, request: ComparisonRequest, told: Told) -> AsyncIterator[Comparing]:
    """The comparison of that request under the home folder, begun or as an earlier run left it."""
    async with open_house(settings) as house:
        yield Comparing(house, settings.home / "comparisons", await specify(house, settings, request), told)


async def specify(house: House, settings: Settings, request: ComparisonRequest) -> ComparisonSpec:
    check_policies(request.policies)
    reading = read_comparison_goal(house, request.goal, request.task)
    assert reading.task is not None
    models = house.resolve_models(settings.models) if settings.models else ()
    task = house.find_task(reading.task)
    return ComparisonSpec(
        goal=reading.goal,
        task=reading.task,
        parameters=reading.parameters,
        fingerprint=await house.evaluator(task).fingerprint(task, reading.parameters),
        policies=request.policies,
        seeds=request.seeds,
        evaluations=request.evaluations,
        cpu_s=request.cpu_s,
        preset=request.preset,
        team=TeamKind.LLM if models else TeamKind.OFFLINE,
        models=models,
    )


class Comparing:
    """A comparison on disk: `folder/comparison.json`, replaced after each step."""

    def __init__(self, house: House, folder: Path, spec: ComparisonSpec, told: Told) -> None:
        self.house = house
        self.folder = folder / identify(spec)
        self.told = told
        self.state = _read(self.folder / "comparison.json") or Comparison(
            comparison_id=self.folder.name, spec=spec, cells=_cells(spec)
        )

    @property
    def task(self) -> Task:
        return self.house.find_task(self.state.spec.task)

    def summary(self) -> Summary:
        """What the campaigns that have ended came to."""
        return summarise(self.house.store, self.state, self.task.objective)

    async def run(self, stop: StopSwitch) -> bool:
        """Every campaign that is left; False when a person interrupted it. Raises as a campaign does."""
        for index, cell in enumerate(self.state.cells):
            if cell.done:
                continue
            if stop.draining:
                return False
            self.told(self.state, cell)
            cell = await self._begin(index, cell)
            reason = await run_campaign(self.house, cell.campaign_id, stop)
            if reason == INTERRUPTED:
                return False
            cell = cell.model_copy(update={"done": True, "reason": reason})
            self._keep(index, cell)
            self.told(self.state, cell)
        return True

    async def _begin(self, index: int, cell: Cell) -> Cell:
        """Its campaign: a new one on the shared calibration and rehearsal, or the one that an earlier run left."""
        store = self.house.store
        if cell.campaign_id:
            return self._keep(index, cell.model_copy(update={"interrupted": True}))
        if self.state.calibration is None:
            plan, task = self._plan(cell), self.task
            calibration = await self.house.evaluator(task).calibrate(task, plan.parameters, seed=randbits(63))
            self._save(self.state.model_copy(update={"calibration": calibration}))
        self._learn_rehearsal()
        campaign = await store.create_campaign(self._plan(cell), tier=self.house.sandbox.tier)
        assert self.state.calibration is not None
        await store.save_document(campaign.campaign_id, "calibration", self.state.calibration)
        if self.state.rehearsal is not None:
            await store.save_document(campaign.campaign_id, "rehearsal", self.state.rehearsal)
        await store.set_campaign_state(campaign.campaign_id, CampaignState.RUNNING, reason="compared")
        return self._keep(index, cell.model_copy(update={"campaign_id": campaign.campaign_id}))

    def _learn_rehearsal(self) -> None:
        """The evaluator was rehearsed by the first campaign: its report is true for the others of today, too."""
        if self.state.rehearsal is not None:
            return
        for cell in self.state.cells:
            if cell.campaign_id:
                report = self.house.store.document(cell.campaign_id, "rehearsal", RehearsalReport)
                if report is not None and report.held:
                    self._save(self.state.model_copy(update={"rehearsal": report}))
                    return

    def _plan(self, cell: Cell) -> Plan:
        """As `run` would plan it, but ended by its evaluations alone, and none taken over from another campaign.

        A policy that is lucky early spends as much; and a number that two of them share would make their seconds
        untrue and their noise the same.
        """
        spec = self.state.spec
        request = NightRequest(
            goal=spec.goal,
            task=spec.task,
            budget=Budget(evaluations=spec.evaluations, cpu_s=spec.cpu_s),
            preset=spec.preset or None,
            policy=cell.policy,
            reuse_evaluations=False,
            seed=cell.seed,
            team=spec.team,
            models=spec.models,
        )
        reading = GoalReading(goal=spec.goal, task=spec.task, parameters=spec.parameters)
        plan = make_plan(request, reading, self.task)
        search = plan.search.model_copy(update={"confirm_top": CONFIRMED})
        note = f"Comparison {self.state.comparison_id}: {cell.policy}, seed {cell.seed}."
        return plan.model_copy(update={"search": search, "stop": (), "notes": (*plan.notes, note)})

    def _keep(self, index: int, cell: Cell) -> Cell:
        cells = list(self.state.cells)
        cells[index] = cell
        self._save(self.state.model_copy(update={"cells": tuple(cells)}))
        return cell

    def _save(self, state: Comparison) -> None:
        self.state = state
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "comparison.json"
        fresh = path.with_suffix(".new")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                file.write(state.model_dump_json(indent=1))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            raise StoreFault(
                f"the comparison cannot be written: {error.strerror}", where=str(path), hint="mend its rights"
            ) from error


def identify(spec: ComparisonSpec) -> str:
    """The same spec has the same name on every day, and on every machine with the same tools."""
    return sha256(spec.model_dump_json().encode()).hexdigest()[:12]


def _cells(spec: ComparisonSpec) -> tuple[Cell, ...]:
    """Seed by seed, so that half a comparison is a comparison of half the seeds, and drift meets all policies."""
    return tuple(Cell(policy=policy, seed=seed) for seed in spec.seeds for policy in spec.policies)


def _read(path: Path) -> Comparison | None:
    try:
        return Comparison.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise UserError(
            f"the comparison's file cannot be used: {str(error)[:300]}",
            where=str(path),
            hint="move it away to begin anew",
        ) from error
