"""Candidates, campaigns and events as values: what leaves the store never changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from nightforge.domain.base import Frozen, Json
from nightforge.domain.evidence import Evidence
from nightforge.domain.plan import Plan
from nightforge.domain.profile import Bottleneck
from nightforge.domain.words import CampaignState, CandidateState, OperatorKind


class Verdict(Frozen):
    """The judge's words on evidence. There is no number in it, by design."""

    limit: Bottleneck | None = None
    """Exactly one where the program passed and a profile speaks for it; None for a failure, and where nothing does."""
    bottleneck: str = ""
    next_step: str = ""
    suspicion: str = ""
    summary: str = ""


class Attempt(Frozen):
    """One program within a candidate's run: attempt 0 is the draft, later ones are repairs."""

    attempt: int
    code_sha: str
    operator: OperatorKind | None
    operator_name: str = ""
    note: str = ""
    evidence: Evidence | None = None


class Choice(Frozen):
    """What a policy decides for one candidate. Empty fields leave the decision to the team."""

    parents: tuple[int, ...]
    """Ordinals: the parent first, then the inspirations."""
    operator: OperatorKind | None = None
    operator_name: str = ""
    """One registered operator, e.g. `rewrite.unroll`; within `operator` where both are given."""
    model: str = ""
    """The model of the ensemble that writes it."""
    by_chance: bool = False
    """Without a model: drawn among the operator's proposals, each as likely as any other."""
    is_spare: bool = False
    """The offline team's, begun while no model answered: it ends what it began."""
    island: int = 0
    shift: bool = False
    """The search stands still: the planner is asked for another approach."""
    failed: tuple[int, ...] = ()
    """Candidates that failed on this parent, newest last, for the prompt to name."""
    reason: str = ""
    """Why, in a few words, for the event table."""


class Answer(Frozen):
    """Where the evidence for a question is: program, fingerprint and tier in one digest, and the data's seed."""

    question: str
    """64 hex digits."""
    seed: int
    ordinal: int
    attempt: int


class Candidate(Frozen):
    campaign_id: str
    ordinal: int
    """0 is the seed; unique within the campaign; never reused, never a process id."""
    state: CandidateState
    parents: tuple[int, ...] = ()
    choice: Choice | None = None
    """What the search policy decided for it; None for the seed."""
    operator: OperatorKind | None = None
    operator_name: str = ""
    note: str = ""
    attempt: int = 0
    code_sha: str | None = None
    score: float | None = None
    """Primary objective turned so that more is better; None unless every stage passed."""
    score_low: float | None = None
    """Lower confidence bound of `score`: what ranks."""
    reason: str = ""
    """Why it was rejected or is suspicious: a slug (`duplicate`, `wrong_output`, `slower` …)."""
    evidence: Evidence | None = None
    confirmation: Evidence | None = None
    verdict: Verdict | None = None
    starred: bool = False
    discarded: bool = False
    created_at: datetime
    finished_at: datetime | None = None

    @property
    def ref(self) -> str:
        return f"{self.campaign_id}.{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Parent:
    """The narrow row that parent choice needs. No pydantic model: each choice looks at dozens, all from our rows."""

    ordinal: int
    code_sha: str
    score: float
    score_low: float
    children: int
    """Candidates that were made from it; those that it was only shown beside the parent of do not count."""


class Tally(Frozen):
    """Counters of a campaign, kept up to date on insert; never computed per look."""

    candidates: int = 0
    evaluations: int = 0
    """Evaluation attempts that ended, confirmations apart."""
    evaluations_taken: int = 0
    """Of these, how many were answered by an evaluation made before."""
    by_state: dict[CandidateState, int] = Field(default_factory=dict)
    by_reason: dict[str, int] = Field(default_factory=dict)
    model_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    """Settled cost, reserves of lost calls included."""
    active_s: float = 0.0
    """Wall time spent running, over all sessions of the campaign."""
    best_ordinal: int | None = None
    best_score: float | None = None
    best_score_low: float | None = None
    last_improvement_evaluation: int = 0
    """Value of `evaluations` when `best_score_low` last rose."""


class Campaign(Frozen):
    campaign_id: str
    state: CampaignState
    plan: Plan
    tally: Tally
    reason: str = ""
    """Why it stopped: `budget:evaluations`, `target`, `patience`, `interrupted` …"""
    tier: str = ""
    owner: str = ""
    """Who started it."""
    created_at: datetime
    finished_at: datetime | None = None


class Event(Frozen):
    """One line of the append-only table that feeds every display."""

    schema_version: Literal[1] = 1
    sequence: Annotated[int, Field(ge=0)]
    campaign_id: str
    at: datetime
    kind: str
    """Dotted: `campaign.state`, `candidate.state`, `candidate.best`, `call.settled`, `planner.decision` …"""
    ordinal: int | None = None
    payload: dict[str, Json] = Field(default_factory=dict)


class Command(Frozen):
    """A person's word to a running campaign, left in the database for it to obey."""

    sequence: int
    campaign_id: str
    command: Literal["pause", "resume", "stop", "stop-now", "hint", "budget", "discard"]
    """`hint` and `budget` say only that there is something new to read: the hint and the plan are rows by then."""
    text: str = ""
    author: str = ""


class Note(Frozen):
    """A person's remark on a campaign or on one of its candidates."""

    text: str
    owner: str = ""
    at: datetime


class Notes(Frozen):
    """Of one place, oldest first; a campaign's document `notes` or `notes.ORDINAL`."""

    notes: tuple[Note, ...] = ()


class Arm(Frozen):
    """What came of the candidates of one side of a comparison."""

    candidates: int = 0
    finished: int = 0
    measured: int = 0
    improved: int = 0
    """Measured, and by its lower bound better than its parent was when it was made."""


class Hint(Frozen):
    """A person's advice to the search. Every fourth candidate goes without it, drawn by the campaign's seed, so that
    its effect can be told."""

    number: int
    text: str
    owner: str = ""
    posted_at: datetime
    in_force: bool
    used: Arm = Arm()
    without: Arm = Arm()


class Lease(Frozen):
    """A claim on a resource; `fence` rises with each new holder, so that a stale holder's writes are refused."""

    resource: str
    owner: str
    fence: int
    expires_at: datetime
