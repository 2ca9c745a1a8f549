"""What a front end (CLI, web) says to a campaign-level run, and what it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from nightforge.domain.base import Frozen
from nightforge.domain.evidence import Calibration
from nightforge.domain.integrity import HiddenOpenings, IntegritySummary
from nightforge.domain.plan import Budget, GoalReading, ModelSpec, Plan, Question
from nightforge.domain.task import Task
from nightforge.domain.words import CampaignState, SandboxTier, TeamKind


class NightRequest(Frozen):
    """A goal (or a ready plan) with what the person set by flag; None leaves it to the planner and the defaults."""

    goal: str = ""
    plan: Plan | None = None
    task: str | None = None
    parameters: tuple[str, ...] = ()
    """`NAME=VALUE`, over what the goal's words say."""
    budget: Budget = Budget()
    preset: str | None = None
    policy: str | None = None
    seed: int | None = None
    in_flight: int | None = None
    demonstrations: int | None = None
    knowledge: bool | None = None
    proposal_slots: int | None = None
    evaluation_slots: int | None = None
    reuse_evaluations: bool | None = None
    repairs: int | None = None
    drafts: int | None = None
    target: float | None = None
    patience: int | None = None
    until: str | None = None
    """When the report is to be there: ISO, with zone."""
    team: TeamKind = TeamKind.OFFLINE
    models: tuple[ModelSpec, ...] = ()
    plan_only: bool = False


class Estimate(Frozen):
    """What the night will take: ranges, low to high."""

    wall_s: tuple[float, float]
    evaluations: tuple[int, int]
    cost_usd: tuple[float, float] = (0.0, 0.0)


class PlanCard(Frozen):
    """All that a person sees before anything is spent."""

    campaign_id: str = ""
    plan: Plan
    task: Task
    calibration: Calibration
    tier: SandboxTier
    disclosure: str
    """What leaves the machine, in one sentence."""
    estimate: Estimate
    warnings: tuple[str, ...] = ()
    room_is_small: bool = False
    """The room left by the roof is not larger than the smallest gain that can be told apart."""
    integrity: IntegritySummary = IntegritySummary()
    """How far the task's evaluator was tested: its mutation score and the survivors."""
    hidden: HiddenOpenings = HiddenOpenings(campaign=0, task=0, campaigns=0)
    """How often the task's hidden inputs were looked at before."""


class Allowance(Frozen):
    """What a minimisation may take. None is no cap."""

    measurements: int | None = None
    seconds: float | None = None


class AskQuestions(Frozen):
    reading: GoalReading
    questions: tuple[Question, ...]


class Refused(Frozen):
    """Nothing fits the goal; `reading.refusal` says why, `reading.matches` what there is."""

    reading: GoalReading


class AwaitApproval(Frozen):
    card: PlanCard


class Done(Frozen):
    campaign_id: str
    state: CampaignState
    reason: str
    improved: bool
    """A confirmed candidate beats the reference beyond the band."""


NightStep = AskQuestions | Refused | AwaitApproval | Done


@dataclass
class StopSwitch:
    """A person's interrupt: once drains and saves, twice stops now."""

    draining: bool = False
    immediate: bool = False
    ended: bool = False
    """A person ended the campaign (`nightforge stop`): it is confirmed and finished, not kept for `resume`."""

    watched: bool = False
    """A watcher started this session, not a person: what people said while no process ran is still to be obeyed."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once this process holds the campaign: what other programs say to it from here on is heard."""

    def press(self) -> None:
        self.immediate = self.draining
        self.draining = True

    def end(self) -> None:
        self.ended = self.draining = True
