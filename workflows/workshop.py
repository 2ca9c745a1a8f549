"""What the nodes of one campaign share, and what one candidate's run carries beside its state."""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

from nightforge.domain.candidate import Candidate, Verdict
from nightforge.domain.evidence import Calibration, Evidence, StageEvidence
from nightforge.domain.plan import Plan
from nightforge.domain.ports import Clock, Evaluator, Store
from nightforge.domain.profile import KernelProfile, OffersProfiles, profile_name
from nightforge.domain.search import Choice, Policy
from nightforge.domain.task import Task
from nightforge.domain.team import Draft, NoDraft, Program, StepContext, StepPlan, Team
from nightforge.domain.words import CandidateState, EvidenceClass, OperatorKind, Phase, TeamKind
from nightforge.errors import BudgetExhausted, EvaluatorFault, ModelFault, NightforgeError, SandboxFault
from tools.budget import BudgetMeter, Reservation
from workflows.pipeline import Pipeline
from workflows.presets import Node, Preset
from workflows.reuse import Reuse
from workflows.search.novelty import NoveltyGate
from workflows.search.randomness import decide
from workflows.soundness import sound
from workflows.steering import Steering, operator_named

T = TypeVar("T")
logger = logging.getLogger(__name__)

FEEDBACK_CHARACTERS = 4000
FAILURE_CHARACTERS = 160
NOT_MADE: tuple[OperatorKind | None, str] = (None, "")
PROGRAM_CACHE = 256
MOST_OWNERS = 32_768


def _fresh_seed() -> int:
    return secrets.randbits(63)


def hash_source(source: str) -> str:
    return sha256(source.encode()).hexdigest()


@dataclass
class Workshop:
    """The services of one campaign. One event loop; nothing here is shared between campaigns."""

    campaign_id: str
    plan: Plan
    task: Task
    preset: Preset
    store: Store
    evaluator: Evaluator
    policy: Policy
    novelty: NoveltyGate
    team: Team
    budget: BudgetMeter
    clock: Clock
    calibration: Calibration | None
    brief: str
    entropy: Callable[[], int] = _fresh_seed
    """Data seeds come from the operating system and are stored with the evidence."""
    reuse: Reuse | None = None
    """Earlier evaluations; None runs every one."""
    lessons: tuple[str, ...] = ()
    """What earlier campaigns left, as it was when this one began."""
    may_repair: bool = True
    """False once the wall time is spent: what is in flight ends, and begins nothing more."""
    is_spare: bool = False
    """The offline team's, while the campaign's models do not answer."""
    pipeline: Pipeline = field(init=False)
    steering: Steering = field(init=False)
    claimed: dict[str, int] = field(default_factory=dict)
    """Program hash → candidate, for programs on their way into the store."""
    discarded: set[int] = field(default_factory=set)
    """By a person, before they were finished: no policy hears of a score."""
    _owners: OrderedDict[str, int | None] = field(default_factory=OrderedDict)
    """What the store said of programs that the coder asked for: it looks at some hundred for each candidate, mostly at
    the same ones again. A program that gets an owner is claimed first, and is forgotten here then."""
    _programs: OrderedDict[int, Program] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        search, is_llm = self.plan.search, self.plan.team is TeamKind.LLM
        self.steering = Steering(self.store, self.campaign_id, search.seed)
        self.pipeline = Pipeline(
            slots=search.evaluation_slots,
            proposals=search.proposal_slots,
            # Programs propose on the processor that evaluates: to run ahead spares no time, and each candidate under
            # way is one whose result the next choice does not know.
            fixed=search.in_flight or (None if is_llm else search.evaluation_slots),
            first=self.preset.in_flight if is_llm else 1,
            monotonic=self.clock.monotonic,
        )

    @property
    def evidence_class(self) -> EvidenceClass:
        """Of every number that the campaign ranks."""
        return EvidenceClass.ISOLATED if self.calibration is None else self.calibration.evidence_class

    def _owner_of(self, sha: str) -> int | None:
        owner = self.claimed.get(sha)
        if owner is not None:
            return owner
        if sha not in self._owners:
            self._owners[sha] = self.store.owner_of(self.campaign_id, sha)
            if len(self._owners) > MOST_OWNERS:
                self._owners.popitem(last=False)
        return self._owners[sha]

    def is_known(self, source: str) -> bool:
        return self._owner_of(hash_source(source)) is not None

    def claim(self, source: str, ordinal: int) -> int | None:
        """The candidate that already has this program, or None after `ordinal` got it. Atomic: no await inside.

        Two drafts of one candidate may be equal; a program that is stored is taken, for its own candidate too.
        """
        sha = hash_source(source)
        owner = self._owner_of(sha)
        if owner is None:
            self.claimed[sha] = ordinal
            self._owners.pop(sha, None)
        return None if self.claimed.get(sha) == ordinal else owner

    def unclaim(self, source: str, ordinal: int) -> None:
        """A draft that was not taken may be proposed again; one that was is known to the store."""
        sha = hash_source(source)
        if self.claimed.get(sha) == ordinal:
            del self.claimed[sha]

    def evidence_of(self, candidate: Candidate) -> Evidence | None:
        """What the search's evaluation of the present attempt saw, when it has been committed."""
        attempts = self.store.attempts(self.campaign_id, candidate.ordinal)
        return next((one.evidence for one in attempts if one.attempt == candidate.attempt), None)

    def program(self, ordinal: int) -> Program:
        """A finished candidate as a value; finished candidates never change during the search, so it is kept."""
        known = self._programs.get(ordinal)
        if known is not None:
            self._programs.move_to_end(ordinal)
            return known
        candidate = self.store.candidate(self.campaign_id, ordinal)
        program = describe_program(candidate, self.store.source(candidate.code_sha) if candidate.code_sha else "")
        if self.looks_into:
            program = program.model_copy(update={"profile": self.known_profile(candidate.code_sha)})
        if candidate.state.is_terminal:
            self._programs[ordinal] = program
            if len(self._programs) > PROGRAM_CACHE:
                self._programs.popitem(last=False)
        return program

    @property
    def looks_into(self) -> bool:
        """Whether programs are profiled: for a judge, where the evaluator can."""
        return isinstance(self.evaluator, OffersProfiles) and self.preset.has(Node.JUDGE)

    def known_profile(self, code_sha: str | None) -> KernelProfile | None:
        if code_sha is None or not isinstance(self.evaluator, OffersProfiles):
            return None
        return self.store.document(self.campaign_id, profile_name(code_sha), KernelProfile)

    async def look_into(self, code_sha: str, source: str, evidence: Evidence) -> KernelProfile | None:
        """The profile, made once for a program of the campaign. None where there is none to be had.

        One that our side broke is kept, empty and with the reason: a prompt that was sent without it stays the same.
        """
        evaluator = self.evaluator
        if not isinstance(evaluator, OffersProfiles) or not evidence.passed:
            return None
        known = self.known_profile(code_sha)
        if known is not None:
            return known
        try:
            made = await self._guarded(
                evaluator.profile(source, self.task, self.plan.parameters, evidence, calibration=self.calibration)
            )
        except (EvaluatorFault, SandboxFault) as fault:
            logger.warning("no profile of program %s: %s", code_sha[:12], fault)
            made = KernelProfile(missing={"profile": str(fault)[:500]})
        await self.store.save_document(self.campaign_id, profile_name(code_sha), made)
        return made

    async def look_into_parent(self, ordinal: int) -> None:
        """Before a prompt shows it: whoever asks again after a crash asks with the same words."""
        if not self.looks_into:
            return
        row = self.store.candidate(self.campaign_id, ordinal)
        if row.code_sha is None or row.evidence is None:
            return
        if self.known_profile(row.code_sha) is None:
            await self.look_into(row.code_sha, self.store.source(row.code_sha), row.evidence)
            self._programs.pop(ordinal, None)

    async def evaluate(self, source: str, *, phase: Phase, ordinal: int | None = None) -> Evidence:
        """One evaluation in a slot; the best so far lets the evaluator drop a clearly worse one early.

        `ordinal` names the candidate of the search whose turn it is. Only such a one, and never the seed, may be
        answered by an evaluation made before; rehearsal and confirmation always run.

        Evaluators come from other packages too: whatever they raise is a fault of our side, so that one program which
        breaks an evaluator cannot end the campaign.
        """
        if self.reuse is not None and phase is Phase.SEARCH and ordinal:
            known = await self._guarded(self.reuse.find(hash_source(source)))
            if known is not None:
                return known
        async with self.pipeline.slot(ordinal):
            best = self.store.best_score(self.campaign_id) if phase is Phase.SEARCH else None

            async def evaluated() -> Evidence:
                if phase is Phase.CONFIRMATION:
                    await self.store.open_hidden(self.campaign_id, self.task.name)
                return await self._guarded(
                    self.evaluator.evaluate(
                        source,
                        self.task,
                        self.plan.parameters,
                        seed=self.entropy(),
                        phase=phase,
                        calibration=self.calibration,
                        best_score=best,
                    )
                )

            return await sound(self, evaluated)

    async def settle_reuse(self) -> None:
        """Leave to later campaigns what this one learned; tools that cannot be asked again keep nothing."""
        if self.reuse is None:
            return
        try:
            await self._guarded(self.reuse.settle())
        except (EvaluatorFault, SandboxFault) as fault:
            logger.warning("evaluations of campaign %s are not kept for later ones: %s", self.campaign_id, fault)

    async def _guarded(self, work: Coroutine[object, object, T]) -> T:
        try:
            return await work
        except NightforgeError:
            raise
        except Exception as error:
            logger.exception("evaluator %s failed", self.evaluator.name)
            raise EvaluatorFault(
                f"the evaluator raised {type(error).__name__}: {error}",
                where=self.evaluator.name,
                hint="its traceback is in the log",
            ) from error


@dataclass
class Desk:
    """One candidate's run: its drafts stay here, so that the graph's state holds no code."""

    workshop: Workshop
    ordinal: int
    resumed: Candidate | None = None
    reservation: Reservation | None = None
    """The evaluation reserved for the present attempt."""
    drafts: dict[int, Draft | NoDraft] = field(default_factory=dict)
    faults: list[ModelFault | BudgetExhausted] = field(default_factory=list)
    """Why drafts beside those did not come."""
    fate: tuple[CandidateState, str] | None = None
    """State and reason that its evidence (or the gate) gave it, should the rest of the run not come about."""
    tries: int = 0
    """Runs before this one that our side broke."""
    evidence: Evidence | None = None
    """Of the newest evaluated attempt."""
    failure: StageEvidence | None = None
    broken: Program | None = None
    verdict: Verdict | None = None
    """The judge's, to be committed with the candidate's end: its reply is a row already, and never paid for again."""
    evaluations: int = 0
    choice: Choice | None = None
    hints: tuple[str, ...] = ()
    """Of people, for this candidate."""
    made: tuple[OperatorKind | None, str] = NOT_MADE
    """Operator of its first program, by kind and by name."""
    proposing_s: float = 0.0
    """Spent in this process on its drafts and repairs."""

    @contextmanager
    def proposing(self) -> Iterator[None]:
        """Around a coder's work: its wall time counts as the candidate's cost."""
        started = self.workshop.clock.monotonic()
        try:
            yield
        finally:
            self.proposing_s += self.workshop.clock.monotonic() - started

    @property
    def step(self) -> StepPlan:
        """What the policy decided of how it is made; empty for the seed."""
        chosen = self.choice
        if chosen is None:
            return StepPlan()
        offline = self.workshop.is_spare or self.workshop.plan.team is TeamKind.OFFLINE
        if self.hints and offline and (named := operator_named(self.hints)):
            return StepPlan(operator_name=named, reason="a person's hint names it")
        if self.workshop.is_spare:
            return StepPlan()  # chosen for a model: the programs have operators of their own
        return StepPlan(
            operator=chosen.operator,
            operator_name=chosen.operator_name,
            model=chosen.model,
            by_chance=chosen.by_chance,
        )

    def clear(self) -> None:
        """However the run ended: what was held for it and not used is free again."""
        if self.reservation is not None:
            self.reservation.release()
            self.reservation = None
        for draft in self.drafts.values():
            if isinstance(draft, Draft):
                self.workshop.unclaim(draft.source, self.ordinal)
        self.workshop.novelty.release(self.ordinal)

    def source(self, sha: str) -> str:
        """The program that is about to be evaluated; read from the store where another session wrote it."""
        drafts = (draft.source for draft in self.drafts.values() if isinstance(draft, Draft))
        return next((text for text in drafts if hash_source(text) == sha), None) or self.workshop.store.source(sha)

    def failed_program(self, sha: str, evidence: Evidence) -> Program:
        """The program that just failed, as the repairer sees it."""
        return Program(ordinal=self.ordinal, source=self.workshop.store.source(sha), feedback=bound_feedback(evidence))

    def _failures(self) -> tuple[str, ...]:
        """Of the candidates that the policy named: they are finished, so that a resumed run reads the same."""
        shop = self.workshop
        failed = self.choice.failed if self.choice is not None else ()
        return tuple(describe_failure(shop.store.candidate(shop.campaign_id, ordinal)) for ordinal in failed)

    def context(self, parents: tuple[int, ...], step: StepPlan, *, attempt: int = 0, draft: int = 0) -> StepContext:
        shop = self.workshop
        parent, *others = parents
        return StepContext(
            campaign_id=shop.campaign_id,
            ordinal=self.ordinal,
            goal=shop.plan.goal,
            task=shop.task.name,
            language=shop.task.language,
            brief=shop.brief,
            objective=shop.plan.objectives[0],
            parameters=shop.plan.parameters,
            parent=shop.program(parent),
            inspirations=tuple(shop.program(other) for other in others),
            step=step,
            shift=self.choice is not None and self.choice.shift,
            failures=self._failures(),
            lessons=shop.lessons,
            hints=self.hints,
            attempt=attempt,
            draft=draft,
            seed=decide(shop.plan.search.seed, self.ordinal, "operator").getrandbits(31),
            knowledge=shop.plan.search.knowledge,
            failure=self.failure,
            broken=self.broken,
        )


def describe_failure(candidate: Candidate) -> str:
    """One line on what was tried and how it failed; it may quote the candidate."""
    failure = candidate.evidence.failure if candidate.evidence is not None else None
    said = failure.feedback.strip().splitlines()[:1] if failure is not None else []
    tried = candidate.note or candidate.operator_name or "a change"
    return f"{tried}: {candidate.reason}" + (f" ({said[0][:FAILURE_CHARACTERS]})" if said else "")


def describe_program(candidate: Candidate, source: str) -> Program:
    evidence = candidate.evidence
    return Program(
        ordinal=candidate.ordinal,
        source=source,
        score=candidate.score,
        metrics=dict(evidence.metrics) if evidence else {},
        feedback=bound_feedback(evidence),
        verdict=candidate.verdict,
        note=candidate.note,
        operator_name=candidate.operator_name,
    )


def bound_feedback(evidence: Evidence | None) -> str:
    """The stages' feedback in order; where it is too long the oldest part goes, since the last stage decided."""
    if evidence is None:
        return ""
    texts = [f"[{stage.stage}] {stage.feedback}" for stage in evidence.stages if stage.feedback]
    joined = "\n".join(texts)
    return joined[-FEEDBACK_CHARACTERS:]
