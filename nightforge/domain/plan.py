"""A plan: goal → task, objectives, constraints, search set-up, budget; shown before anything is spent."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from nightforge.domain.base import Frozen, Json, Scalar
from nightforge.domain.task import Constraint, Objective
from nightforge.domain.words import TeamKind


class Budget(Frozen):
    """Hard caps; None means that another cap must end the campaign."""

    evaluations: Annotated[int, Field(ge=0)] | None = None
    wall_s: Annotated[float, Field(ge=0)] | None = None
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    cpu_s: Annotated[float, Field(gt=0)] | None = None
    """CPU seconds of the campaign's process and its boxes since the seed was measured; a session counts anew."""

    @property
    def is_bounded(self) -> bool:
        return any(cap is not None for cap in (self.evaluations, self.wall_s, self.cost_usd, self.tokens, self.cpu_s))


class StopSpec(Frozen):
    """A stop rule by its registered name (`target`, `patience`, `near-bound` …) and its parameters."""

    rule: str
    parameters: dict[str, Scalar] = Field(default_factory=dict)


class SearchSpec(Frozen):
    preset: str = "solo"
    policy: str = "evolve"
    """Who is varied next: a registered search policy, or a baseline such as `random` or `hill-climb`."""
    policy_parameters: dict[str, Scalar] = Field(default_factory=dict)
    """Settings of the policy, by its own names."""
    seed: int = 0
    in_flight: Annotated[int, Field(ge=1, le=256)] | None = None
    """Candidates under way at once (proposals and evaluations together); None lets measured times decide, so that
    the evaluation slots stay busy and no program waits longer than that needs; without a model as many as there are
    slots."""
    proposal_slots: Annotated[int, Field(ge=1, le=256)] = 8
    """Candidates being proposed at once, at most, where `in_flight` is None."""
    evaluation_slots: Annotated[int, Field(ge=1, le=64)] = 1
    """Evaluations at once."""
    reuse_evaluations: bool = True
    """Take a search evaluation from an earlier one of the same program under the same fingerprint and tier."""
    demonstrations: Annotated[int, Field(ge=0, le=3)] = 1
    """Good programs most like the parent that a model sees, with their evidence, beside the champion and an unlike one;
    0 shows none of them."""
    knowledge: bool = True
    """Show a model what the knowledge pack of the task's language says on the parent's bottleneck, its loops and what
    failed; each candidate's record names what it was shown."""
    drafts: Annotated[int, Field(ge=1, le=8)] = 1
    repairs: Annotated[int, Field(ge=0, le=8)] = 1
    confirm_top: Annotated[int, Field(ge=1, le=32)] = 3


class Rates(Frozen):
    """What an account may ask of an endpoint; None is unlimited."""

    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    """Input and output together, as providers count them."""


class ListedPrice(Frozen):
    """What a model costs at an endpoint, in US dollars per million tokens, as somebody read it on a day."""

    model: str
    host: str
    """Of the base URL, with the port where it has one; a price holds nowhere else."""
    input_usd_per_mtok: Annotated[float, Field(ge=0)]
    output_usd_per_mtok: Annotated[float, Field(ge=0)]
    cached_input_usd_per_mtok: Annotated[float, Field(ge=0)] | None = None
    listed_on: date


class ModelSpec(Frozen):
    """One model of the ensemble. Prices are US dollars per million tokens."""

    model: str
    base_url: str = ""
    input_usd_per_mtok: Annotated[float, Field(ge=0)] | None = None
    output_usd_per_mtok: Annotated[float, Field(ge=0)] | None = None
    cached_input_usd_per_mtok: Annotated[float, Field(ge=0)] | None = None
    """Of input that the endpoint says it had cached; None charges it as other input."""
    max_output_tokens: Annotated[int, Field(gt=0)] = 8192
    context_tokens: Annotated[int, Field(gt=0)] | None = None
    """The window, input and output together; None takes what the server says of itself."""
    weight: Annotated[float, Field(ge=0)] | None = None
    """Share of the requests for which no model was chosen. A model without one steps in when the others fail; where
    none has one, the first is asked first."""
    rates: Rates = Rates()
    """Of the account at this endpoint."""
    temperature: float | None = None
    extra: dict[str, Json] = Field(default_factory=dict)
    """Further fields of the request, by the server's own names (`reasoning_effort`, `top_k` …)."""


class Plan(Frozen):
    schema_version: Literal[1] = 1
    goal: str
    task: str
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    constraints: tuple[Constraint, ...] = ()
    budget: Budget
    search: SearchSpec = SearchSpec()
    stop: tuple[StopSpec, ...] = ()
    team: TeamKind = TeamKind.OFFLINE
    models: tuple[ModelSpec, ...] = ()
    notes: tuple[str, ...] = ()
    """What the planner assumed, in sentences for the plan card."""


class Question(Frozen):
    """At most three are asked; each has a default that `--yes` accepts."""

    name: str
    text: str
    default: Scalar
    choices: tuple[Scalar, ...] = ()


class Match(Frozen):
    """A shipped task that fits the goal, in order of fit."""

    task: str
    score: float
    why: str = ""


class GoalReading(Frozen):
    """What the planner made of a goal: a task with parameters, questions, or a refusal.

    `task` None means that nothing fits; `refusal` then says why and `matches` what there is.
    """

    goal: str
    task: str | None = None
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    questions: Annotated[tuple[Question, ...], Field(max_length=3)] = ()
    refusal: str = ""
    matches: tuple[Match, ...] = ()
    notes: tuple[str, ...] = ()
    budget: Budget = Budget()
    """Caps that the goal's own words set ("for 10 minutes", "under $2")."""
    target: float | None = None
    """The gain that the goal's own words ask for ("1.5x faster"), in the objective's unit."""
