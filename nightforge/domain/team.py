"""What agents are given and what they answer: context in, typed reply out.

Both teams (language model, offline) fill these Protocols; `workflows` calls nothing else of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from pydantic import Field, field_validator

from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.candidate import Tally, Verdict
from nightforge.domain.evidence import Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.plan import GoalReading, Plan
from nightforge.domain.profile import KernelProfile
from nightforge.domain.task import Objective, Task
from nightforge.domain.words import OperatorKind


class Program(Frozen):
    """A stored program with what is known of it."""

    ordinal: int
    source: str
    score: float | None = None
    metrics: dict[str, Metric] = Field(default_factory=dict)
    feedback: str = ""
    """The evaluator's feedback of the last stages, bounded; untrusted text."""
    verdict: Verdict | None = None
    profile: KernelProfile | None = None
    """Of a parent, where the preset has a judge and the evaluator offers profiles."""
    operator_name: str = ""
    """Which operator made it; empty for the seed or when unknown."""
    note: str = ""


class StepPlan(Frozen):
    """The planner's word on one candidate: which operator, and what to try."""

    operator: OperatorKind | None = None
    """None leaves the choice to the coder."""
    operator_name: str = ""
    """One registered operator; empty leaves the choice within `operator` open."""
    model: str = ""
    """The model of the ensemble that is to write it; empty leaves it to the client."""
    by_chance: bool = False
    """Programs that make programs draw among their proposals, instead of the most promising one first."""
    hint: str = ""
    reason: str = ""


class StepContext(Frozen):
    """All that a role may know while it works on one candidate."""

    campaign_id: str
    ordinal: int
    goal: str
    task: str
    language: str
    brief: str
    objective: Objective
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    parent: Program
    inspirations: tuple[Program, ...] = ()
    step: StepPlan = StepPlan()
    shift: bool = False
    """The search stands still: another approach is wanted, not another change of the parent."""
    failures: tuple[str, ...] = ()
    """What was tried on this parent and failed, a line each; untrusted text."""
    lessons: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    attempt: int = 0
    failure: StageEvidence | None = None
    """Repair only: the failing stage's evidence of `broken`."""
    broken: Program | None = None
    profile: KernelProfile | None = None
    """Judge only: of the candidate, when it is the best so far."""
    draft: int = 0
    """Index of this draft when several are made in parallel."""
    seed: int = 0
    """For operators that draw: the same for the same campaign seed and candidate."""
    knowledge: bool = True
    """A model is shown what the knowledge pack of the language says; False shows nothing of it."""


class Draft(Frozen):
    """A program proposed by a coder. `source` is whole: edits are already applied."""

    source: str
    operator: OperatorKind
    operator_name: str = ""
    note: str = ""
    """What was changed and why, in one line."""
    model: str = ""
    """The model that wrote it, which may have stepped in for the one chosen; empty when no model did."""
    knowledge: tuple[str, ...] = ()
    """Sections of the knowledge pack that its writer was shown."""

    @field_validator("source")
    @classmethod
    def _is_text(cls, value: str) -> str:
        value.encode()  # half of a UTF-16 pair is no text: it could neither be stored nor built
        return value


class NoDraft(Frozen):
    """No usable program came: an edit that did not apply, prose, an exhausted operator."""

    reason: str
    """Slug: `edit_does_not_apply`, `outside_evolve_block`, `no_program`, `truncated`, `refused`, `duplicate`,
    `nothing_to_try`."""
    feedback: str = ""


class Finalist(Frozen):
    ordinal: int
    confirmed: bool
    suspicious: bool = False
    metrics: dict[str, Metric] = Field(default_factory=dict)
    operator_name: str = ""
    note: str = ""
    diff: str = ""


class ReportContext(Frozen):
    plan: Plan
    calibration: Calibration | None
    tally: Tally
    finalists: tuple[Finalist, ...] = ()
    operators: dict[str, tuple[int, int]] = Field(default_factory=dict)
    """Operator name → (candidates, measured)."""
    failures: dict[str, int] = Field(default_factory=dict)


class Analysis(Frozen):
    """The analyst's prose for the morning report; every number in the report stands elsewhere."""

    summary: str = ""
    next_steps: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()


class Planner(Protocol):
    async def read_goal(self, goal: str, tasks: Sequence[Task]) -> GoalReading:
        """Map a goal to a shipped task and its parameters, ask, or say that none fits."""
        ...

    async def plan_step(self, context: StepContext) -> StepPlan: ...


class Coder(Protocol):
    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        """One new program from `context`; `is_known` says whether a source was already evaluated."""
        ...

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        """Mend `context.broken` by `context.failure`."""
        ...


class Judge(Protocol):
    async def judge(self, context: StepContext, source: str, evidence: Evidence) -> Verdict: ...


class Analyst(Protocol):
    async def analyse(self, context: ReportContext) -> Analysis: ...


class Team(Protocol):
    """The four roles of a campaign, and what leaves the machine when they work."""

    @property
    def planner(self) -> Planner: ...
    @property
    def coder(self) -> Coder: ...
    @property
    def judge(self) -> Judge: ...
    @property
    def analyst(self) -> Analyst: ...
    @property
    def disclosure(self) -> str:
        """One sentence for the plan card: which model sees what, or that no model is used."""
        ...


class OperatorContext(Frozen):
    """What an offline operator sees. It must not know which task it works on."""

    language: str
    parent: Program
    partners: tuple[Program, ...] = ()
    """Other good programs, for operators that combine."""
    history: tuple[Program, ...] = ()
    """What was already measured of this family, for operators that model scores (partners may be among it)."""
    seed: int


class Operator(Protocol):
    """A program that makes programs (entry point group `nightforge.operators`).

    `propose` is pure: the same context gives the same proposals, best first; an operator that finds nothing
    to do returns an empty sequence. Names are `<kind>.<what>`, e.g. `rewrite.unroll`. Empty
    `languages` means any.
    """

    name: str
    kind: OperatorKind
    languages: frozenset[str]

    def propose(self, context: OperatorContext) -> Sequence[Draft]: ...
