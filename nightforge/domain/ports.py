"""The seams: what the campaign needs from the world, as Protocols.

Failures of our own side raise (`nightforge.errors`); failures of a candidate are returned as evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel

from nightforge.domain.archive import Archive, ArchiveChange, Lesson
from nightforge.domain.base import Json, Scalar
from nightforge.domain.candidate import (
    Answer,
    Attempt,
    Campaign,
    Candidate,
    Choice,
    Command,
    Event,
    Hint,
    Lease,
    Note,
    Parent,
    Tally,
    Verdict,
)
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.integrity import HiddenOpenings
from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.listing import Dot, ListQuery, NewBest, Place, Relative, Stretch
from nightforge.domain.model import CallKey, CallState, Message, ModelCall, ModelProfile, Reply, Usage
from nightforge.domain.plan import Plan
from nightforge.domain.task import Task
from nightforge.domain.words import (
    CampaignState,
    CandidateState,
    ClockKind,
    OperatorKind,
    Phase,
    SandboxTier,
)

T = TypeVar("T", bound=BaseModel)


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall-clock time, zone-aware, UTC."""
        ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class SandboxSession(Protocol):
    """A running sandboxed program that answers commands over a private pipe pair.

    Used from a measuring thread, so its methods block. Every method raises `SandboxFault` when the box itself
    breaks; the program's own end shows as `receive` returning fewer bytes than asked and `exit` being set.
    """

    @property
    def pid(self) -> int:
        """The program's pid in our pid namespace (the box is started so that it is pid 1 inside)."""
        ...

    def send(self, data: bytes) -> None: ...

    def receive(self, count: int, timeout_s: float) -> bytes:
        """Exactly `count` bytes, or fewer when the program ended; raises TimeoutError at the deadline."""
        ...

    def cpu_time_ns(self) -> int:
        """CPU time of the program (all threads), read from outside by its process clock."""
        ...

    def freeze(self) -> None:
        """SIGSTOP, and wait until it is in force."""
        ...

    def thaw(self) -> None: ...

    def close(self) -> ExecResult:
        """Kill the whole tree, reap it, and say how it ended. Idempotent."""
        ...


class Sandbox(Protocol):
    """The only thing that runs untrusted programs.

    Inside there is no network, no secret, no writable path but size- and inode-capped private memory, and a
    read-only system. `files` appear read-only under `/job` (values are contents, or host paths that must be
    world-readable); the program runs in an empty writable `/box`. Limits that the tier cannot enforce raise
    `SandboxUnavailable` before anything starts. A non-zero exit is a result. The whole tree is dead on return.
    """

    @property
    def tier(self) -> SandboxTier: ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes | Path] | None = None,
        stdin: bytes = b"",
        limits: Limits,
        outputs: Sequence[str] = (),
        network: bool = False,
    ) -> ExecResult:
        """Run to the end. `outputs` are names in `/box` to bring back (O_NOFOLLOW, regular, size-capped)."""
        ...

    def start(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes | Path] | None = None,
        descriptors: Sequence[int] = (),
        limits: Limits,
        cpus: Sequence[int] = (),
    ) -> AbstractContextManager[SandboxSession]:
        """Start a command-and-reply program.

        Inside, fd 0 reads our commands and fd 1 carries replies; `descriptors` are inherited in order from
        fd 3 on. `cpus` pins the program.
        """
        ...


class Evaluator(Protocol):
    """Candidate → evidence (entry point group `nightforge.evaluators`; the value is a factory
    `(Sandbox) -> Evaluator`).

    Deterministic given seed and toolchain up to measured noise. Errors of our side raise `EvaluatorFault`;
    failures of the candidate return. Numbers are made on the trusted side.
    """

    @property
    def name(self) -> str: ...

    @property
    def clock(self) -> ClockKind | None:
        """The clock that scores, or None when the objective is not a time."""
        ...

    def check_task(self, task: Task) -> None:
        """Validate `task.settings` and the folder; raises UserError naming file and field."""
        ...

    def prerequisites(self, task: Task) -> Sequence[str]:
        """Sentences naming what this machine lacks for the task, each with the package to install."""
        ...

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        """Exclusive resources to hold while timing: `cpu`, `gpu:0` …; empty for untimed evaluators."""
        ...

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        """Everything that an evaluation depends on beside program, tier and seed, as 64 hex digits.

        The task's folder and settings, the parameters, the tools with their versions and the evaluator's own code
        (`nightforge.fingerprint` makes it): evidence is never taken from an evaluation with another one.
        Raises EvaluatorFault when the tools cannot be asked.
        """
        ...

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        """Measure every baseline, the A/A noise, the roof."""
        ...

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        """Run the cascade. `seed` is stored for replay; `best_score` lets a clearly worse one be dropped early."""
        ...

    def is_lasting(self, evidence: Evidence) -> bool:
        """Whether search evidence may stand for another evaluation of the same program, fingerprint and tier.

        False for all that a clock, a limit of time or memory, the machine's load, `calibration` or `best_score` had a
        part in; then it is never used again.
        """
        ...


class ModelClient(Protocol):
    async def complete(
        self,
        key: CallKey,
        messages: Sequence[Message],
        *,
        schema: type[T] | None = None,
        model: str = "",
    ) -> Reply[T]:
        """One answer from the ensemble, within budget, each attempt a row before it is sent.

        `model` is asked first; the others step in when it fails. Empty (or a name that the ensemble does not have)
        leaves the choice to the ensemble's weights.
        Raises BudgetExhausted before sending when the reserve does not fit, ModelAccessRefused for a final no,
        ModelFault when every attempt failed or no parsable reply came after one repair.
        """
        ...


class Store(Protocol):
    """The truth. Writes are committed when awaited; reads return frozen values and never block writers.

    Every method raises StoreFault (locked, full, unwritable) or NotFound.
    """

    # campaigns
    async def create_campaign(self, plan: Plan, *, tier: SandboxTier, owner: str = "") -> Campaign: ...
    async def set_campaign_state(self, campaign_id: str, state: CampaignState, *, reason: str = "") -> None: ...
    async def save_plan(self, campaign_id: str, plan: Plan) -> None:
        """Replace the plan (a raised budget); the old one stays in the events."""
        ...

    async def add_active_time(self, campaign_id: str, seconds: float) -> None: ...
    async def save_document(self, campaign_id: str, name: str, document: BaseModel) -> None:
        """`calibration`, `rehearsal`, `analysis`: one JSON document per name, replaced as a whole."""
        ...

    def campaign(self, campaign_id: str) -> Campaign:
        """By id or by unique prefix."""
        ...

    def campaigns(self, *, limit: int = 100) -> Sequence[Campaign]: ...
    def document(self, campaign_id: str, name: str, kind: type[T]) -> T | None: ...

    # candidates
    async def open_candidate(
        self, campaign_id: str, ordinal: int, *, parents: Sequence[int], choice: Choice | None = None
    ) -> Candidate:
        """The row of a new candidate (`drafted`); returns the existing row, its choice too, when there is one."""
        ...

    async def save_code(
        self,
        campaign_id: str,
        ordinal: int,
        source: str,
        *,
        attempt: int,
        operator: OperatorKind | None,
        operator_name: str = "",
        note: str = "",
        knowledge: Sequence[str] = (),
        shape: bytes | None = None,
        state: CandidateState = CandidateState.BUILDING,
    ) -> str:
        """Store the program, move the candidate to `state`, return the program's sha256.

        `shape` (16 bytes) stands for its syntax tree, which belongs to the first candidate that has it.
        """
        ...

    async def set_candidate_state(
        self, campaign_id: str, ordinal: int, state: CandidateState, *, reason: str = ""
    ) -> None: ...

    async def save_evidence(
        self,
        campaign_id: str,
        ordinal: int,
        evidence: Evidence,
        *,
        attempt: int,
        score: float | None = None,
        score_low: float | None = None,
    ) -> None:
        """In one transaction: stage rows, score, counters, best. Saving the same attempt twice changes nothing."""
        ...

    async def save_confirmation(
        self,
        campaign_id: str,
        ordinal: int,
        evidence: Evidence,
        *,
        state: CandidateState,
        reason: str = "",
        score: float | None = None,
        score_low: float | None = None,
    ) -> None:
        """The confirmation's evidence and state; its score, when given, replaces the measured one for ranking."""
        ...

    async def finish_candidate(
        self,
        campaign_id: str,
        ordinal: int,
        state: CandidateState,
        *,
        reason: str = "",
        verdict: Verdict | None = None,
    ) -> None:
        """The terminal state, the judge's words, counters and events, in one transaction.

        The same again changes nothing; None keeps the words of before.
        """
        ...

    async def mark_candidate(
        self,
        campaign_id: str,
        ordinal: int,
        *,
        starred: bool | None = None,
        discarded: bool | None = None,
        owner: str = "",
    ) -> None: ...

    def mark_owners(self, campaign_id: str, ordinal: int) -> Mapping[str, str]:
        """`star`, `discard`, `cheat` → whose it is."""
        ...

    async def mark_cheat(self, campaign_id: str, ordinal: int, *, is_set: bool, owner: str = "") -> None:
        """A person's word that it cheats; `discard`, said beside it, keeps it out of the search."""
        ...

    async def add_note(self, campaign_id: str, text: str, *, ordinal: int | None = None, owner: str = "") -> None: ...
    def notes(self, campaign_id: str, *, ordinal: int | None = None) -> Sequence[Note]:
        """Of the candidate, or of the campaign itself; oldest first."""
        ...

    def candidate(self, campaign_id: str, ordinal: int) -> Candidate: ...
    def candidates(self, campaign_id: str, ordinals: Collection[int]) -> Sequence[Candidate]:
        """Those of them that there are, by number, in one look."""
        ...

    def attempts(self, campaign_id: str, ordinal: int) -> Sequence[Attempt]: ...
    def unfinished(self, campaign_id: str) -> Sequence[Candidate]: ...
    def next_ordinal(self, campaign_id: str) -> int: ...
    def ranked(self, campaign_id: str, *, limit: int = 20, offset: int = 0) -> Sequence[Candidate]:
        """Confirmed before measured, then by `score_low`; rejected, suspicious and discarded ones never."""
        ...

    def distinct(self, campaign_id: str, *, limit: int = 20) -> Sequence[Candidate]:
        """As `ranked`; of measured ones with equal `score_low` the first only, none where a confirmed one has it."""
        ...

    def parents(self, campaign_id: str, *, limit: int = 32) -> Sequence[Parent]:
        """The best candidates that may be parents (never discarded ones), by `score_low`."""
        ...

    def recent(self, campaign_id: str, *, limit: int = 20) -> Sequence[Candidate]: ...
    def stretch(
        self, campaign_id: str, query: ListQuery, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> Stretch:
        """`limit` candidates of a list after a place or before one; ValueError for an order that the list has not."""
        ...

    def dots(self, campaign_id: str, *, most: int) -> Sequence[Dot]:
        """Up to `most` candidates spread evenly over all, the newest among them, in the order of their making."""
        ...

    def bests(self, campaign_id: str, *, limit: int = 500) -> Sequence[NewBest]:
        """When and to whom the best changed, oldest first; the newest `limit` of them."""
        ...

    def relatives(self, campaign_id: str, ordinals: Iterable[int]) -> Mapping[int, Relative]:
        """Those of them that there are."""
        ...

    def ancestry(self, campaign_id: str, ordinals: Iterable[int], *, most: int = 2000) -> Mapping[int, Relative]:
        """The candidates named and their first parents, back to the seed."""
        ...

    def owner_of(self, campaign_id: str, code_sha: str) -> int | None:
        """Ordinal of the first candidate whose program is this one."""
        ...

    def source(self, code_sha: str) -> str: ...
    def answer(self, question: str, *, seed: int | None = None) -> Evidence | None:
        """The kept evidence for a question (64 hex digits), `taken_from` set; any seed's when None is given."""
        ...

    async def keep_answers(self, campaign_id: str, answers: Sequence[Answer]) -> None:
        """Where evidence of this campaign answers questions; a question answered before keeps its answer."""
        ...

    def operator_counts(self, campaign_id: str) -> Mapping[str, tuple[int, int]]:
        """Operator name → (candidates, measured or better)."""
        ...

    def tally(self, campaign_id: str) -> Tally: ...
    def best_score(self, campaign_id: str) -> float | None:
        """Of the tally, alone: read once per evaluation."""
        ...

    # search
    async def save_trial(self, campaign_id: str, change: ArchiveChange) -> bool:
        """One result's whole effect on the policy's memory; False, and nothing changed, when it was saved before."""
        ...

    async def save_lessons(self, campaign_id: str, lessons: Sequence[Lesson]) -> None:
        """What the campaign leaves for later ones, in place of any it left before."""
        ...

    def archive(self, campaign_id: str) -> Archive: ...
    def untold(self, campaign_id: str) -> Sequence[int]:
        """Finished candidates whose result was never saved; reads every candidate, for the start of a session."""
        ...

    def parents_among(self, campaign_id: str, ordinals: Sequence[int]) -> Sequence[Parent]:
        """Those of `ordinals` that may be parents now, best first."""
        ...

    def cost_of(self, campaign_id: str, ordinal: int) -> float:
        """Dollars of a candidate's model calls."""
        ...

    def owner_of_shape(self, campaign_id: str, digest: bytes) -> int | None: ...
    def lessons(self, campaign_id: str, *, task: str, language: str, limit: int = 6) -> Sequence[Lesson]:
        """Of other campaigns: on this task first, then on others of the language; newest first."""
        ...

    # model calls
    async def open_call(
        self, key: CallKey, request_sha: str, messages: Sequence[Message], *, model: str, reserved_usd: float
    ) -> ModelCall:
        """A committed row in state `sent`, before the bytes leave."""
        ...

    async def close_call(
        self,
        call_id: int,
        state: CallState,
        *,
        reply_text: str | None = None,
        finish_reason: str = "",
        usage: Usage = Usage(),
        cost_usd: float = 0.0,
        latency_s: float = 0.0,
        error: str = "",
    ) -> None: ...

    async def book_lost_calls(self, campaign_id: str) -> int:
        """On resume: calls still `sent` become `lost`, their reserve is spent; returns how many."""
        ...

    def answered_call(self, key: CallKey, request_sha: str) -> ModelCall | None: ...
    def calls(self, campaign_id: str, *, ordinal: int | None = None, limit: int = 100) -> Sequence[ModelCall]: ...
    def call_messages(self, call_id: int) -> Sequence[Message]: ...
    async def save_model_profile(self, profile: ModelProfile) -> None:
        """Of no campaign: it replaces what was known of this model at this server."""
        ...

    def model_profile(self, base_url: str, model: str) -> ModelProfile | None: ...

    # hidden inputs
    async def open_hidden(self, campaign_id: str, task: str) -> None:
        """Count one look at the task's hidden inputs, before it is taken."""
        ...

    async def open_hidden_aside(self, task: str) -> None:
        """The same for a look that no campaign takes."""
        ...

    def hidden_openings(self, campaign_id: str, task: str) -> HiddenOpenings: ...

    # events, control, leases
    async def append_event(
        self, campaign_id: str, kind: str, payload: Mapping[str, Json] | None = None, *, ordinal: int | None = None
    ) -> None: ...

    def events(self, campaign_id: str, *, after: int = -1, limit: int = 1000) -> Sequence[Event]: ...
    async def post_command(self, campaign_id: str, command: str, *, text: str = "", author: str = "") -> None: ...
    def waiting_commands(self, campaign_id: str) -> Sequence[Command]:
        """Commands not yet taken, oldest first."""
        ...

    async def take_commands(self, campaign_id: str, *, through: int | None = None) -> Sequence[Command]:
        """Commands not yet obeyed (up to number `through`), marked as taken in the same transaction."""
        ...

    async def give_hint(self, campaign_id: str, text: str, *, owner: str = "") -> int: ...
    async def withdraw_hint(self, campaign_id: str, number: int, *, owner: str = "") -> None: ...
    def hints_in_force(self, campaign_id: str) -> Mapping[int, str]: ...
    async def use_hints(
        self, campaign_id: str, ordinal: int, used: Mapping[int, bool], *, parent_low: float | None
    ) -> None:
        """Which hints a candidate is made with (True) and which are held back from it, before it is made."""
        ...

    def hints_of(self, campaign_id: str, ordinal: int) -> Sequence[str]: ...
    def hints(self, campaign_id: str) -> Sequence[Hint]:
        """All hints with their use and effect, oldest first."""
        ...

    def lease_until_us(self, resource: str) -> int | None:
        """When the lease on it ends (microseconds since 1970); moves with each heartbeat; None when never held."""
        ...

    def is_held(self, resource: str) -> bool:
        """Whether somebody's lease on it has not run out."""
        ...

    async def claim_lease(
        self, resource: str, owner: str, *, ttl_s: float, stood_still_at: int | None = None
    ) -> Lease | None:
        """None when another owner's lease has not expired.

        A lease that still ends at `stood_still_at` (of `lease_until_us`, looked up heartbeats ago) has no living owner.
        """
        ...

    async def renew_lease(self, lease: Lease, *, ttl_s: float) -> Lease | None: ...
    async def release_lease(self, lease: Lease) -> None: ...
    def fence(self, campaign_id: str, lease: Lease | None) -> None:
        """From now on this store's writes to the campaign raise StoreFault once another claim of `lease` was made.

        None takes the fence away.
        """
        ...

    async def close(self) -> None: ...


EvaluatorFactory = Callable[[Sandbox], Evaluator]
