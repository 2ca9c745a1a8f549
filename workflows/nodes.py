"""One short function per node of the candidate graph. Each commits its stage before it returns.

The judge's words alone wait for the candidate's end: the reply that they are read from is a row already.
"""

from __future__ import annotations

from langgraph.runtime import Runtime

from nightforge.domain.base import Json
from nightforge.domain.candidate import Candidate, Choice
from nightforge.domain.evidence import Evidence, StageEvidence
from nightforge.domain.profile import KernelProfile
from nightforge.domain.scoring import score_evidence, violated
from nightforge.domain.team import Draft, NoDraft, StepPlan
from nightforge.domain.words import CandidateState, OperatorKind, Outcome, Phase
from nightforge.errors import BudgetExhausted, ModelFault
from workflows.outcome import tell
from workflows.presets import Node
from workflows.search.randomness import decide
from workflows.state import CandidateRun
from workflows.workshop import NOT_MADE, Desk, Workshop

CHOSEN = frozenset({"operator", "operator_name", "model", "by_chance"})
"""Fields of a step that are the policy's where it decided on them."""
OTHER_CLASS = "other_evidence_class"
"""Its number was made otherwise than those of the campaign: they cannot be ranked side by side."""
REPAIRABLE_DRAFTS = frozenset({"edit_does_not_apply", "no_program", "outside_evolve_block"})
UNREPAIRABLE_STAGES = frozenset({"slower", "below_roof", "violates_constraint", "raced_out"})
"""Reasons of a failed stage that more words cannot mend."""


async def pick(state: CandidateRun, runtime: Runtime[Desk]) -> CandidateRun:
    """Choose parents and open the row, or take up a row that an earlier session left."""
    desk = runtime.context
    shop = desk.workshop
    if desk.resumed is not None and (desk.ordinal != 0 or desk.resumed.code_sha is not None):
        return await _take_up(desk, desk.resumed)
    if desk.ordinal == 0:
        await shop.store.open_candidate(shop.campaign_id, 0, parents=())
        sha = await _store_program(desk, Draft(source=shop.task.read(shop.task.seed), operator=OperatorKind.FULL), 0)
        return {"attempt": 0, "parents": (), "code_sha": sha, "evaluated": False}
    choice = shop.policy.ask(desk.ordinal, random=decide(shop.plan.search.seed, desk.ordinal, "policy"))
    choice = choice.model_copy(update={"is_spare": shop.is_spare})
    await shop.look_into_parent(choice.parents[0])
    # The choice is committed with the row: a run that is taken up again keeps it, whatever was learned since.
    await shop.store.open_candidate(shop.campaign_id, desk.ordinal, parents=choice.parents, choice=choice)
    desk.choice = choice
    if shop.steering.in_force:
        parent = shop.store.candidate(shop.campaign_id, choice.parents[0])
        desk.hints = tuple(await shop.steering.hints_for(desk.ordinal, parent_low=parent.score_low))
    return {"attempt": 0, "parents": choice.parents, "step": desk.step, **_fresh(choice)}


def _fresh(choice: Choice) -> CandidateRun:
    return {"shift": choice.shift, "code_sha": None, "evaluated": False}


async def _take_up(desk: Desk, row: Candidate) -> CandidateRun:
    """Everything that was committed is read back, nothing is asked for or run again."""
    shop = desk.workshop
    if row.parents:
        await shop.look_into_parent(row.parents[0])
    desk.choice, desk.made = row.choice, (row.operator, row.operator_name)
    desk.hints = tuple(shop.store.hints_of(shop.campaign_id, desk.ordinal))
    run: CandidateRun = {"parents": row.parents, "attempt": row.attempt, "code_sha": row.code_sha, "evaluated": False}
    run["step"] = desk.step
    run["shift"] = shift = row.choice is not None and row.choice.shift
    if row.code_sha is not None and row.parents and (shift or shop.preset.has(Node.PLAN_STEP)):
        # Repairs are asked for with the planner's words: without them a paid reply would not be found again.
        run |= {"step": await _plan_step(desk, row.parents)}
    evidence = shop.evidence_of(row)
    if evidence is not None:
        desk.evaluations += 1
        run |= {"evaluated": True, **_judge_outcome(desk, evidence)}
        _remember(desk, evidence, row.code_sha)
    elif row.code_sha is not None:
        await shop.store.set_candidate_state(shop.campaign_id, desk.ordinal, CandidateState.EVALUATING)
    return run


async def _plan_step(desk: Desk, parents: tuple[int, ...]) -> StepPlan:
    """The planner's words on what the policy chose; what the policy left open is the planner's to fill in."""
    try:
        planned = await desk.workshop.team.planner.plan_step(desk.context(parents, desk.step))
    except ModelFault as fault:
        if fault.retryable:
            raise
        return desk.step.model_copy(update={"reason": f"the planner's reply could not be used: {fault}"})
    chosen = {name: value for name, value in desk.step if name in CHOSEN and value}
    return planned.model_copy(update=chosen)


async def plan_step(state: CandidateRun, runtime: Runtime[Desk]) -> CandidateRun:
    desk = runtime.context
    step = await _plan_step(desk, state["parents"])
    if step.reason:
        await desk.workshop.store.append_event(
            desk.workshop.campaign_id,
            "planner.decision",
            {"operator": step.operator, "hint": step.hint, "reason": step.reason},
            ordinal=desk.ordinal,
        )
    return {"step": step}


async def write_draft(desk: Desk, state: CandidateRun, draft: int) -> None:
    """One of several drafts: a fault of one must not end, and waste, the others."""
    shop = desk.workshop
    context = desk.context(state["parents"], state.get("step", StepPlan()), draft=draft)
    random = decide(shop.plan.search.seed, desk.ordinal, f"code.{draft}")
    try:
        with desk.proposing():
            written = await shop.team.coder.write(context, random=random, is_known=shop.is_known)
    except (BudgetExhausted, ModelFault) as fault:
        desk.faults.append(fault)
    else:
        desk.drafts[draft] = claimed(desk, written)


def claimed(desk: Desk, draft: Draft | NoDraft) -> Draft | NoDraft:
    """The draft, now this candidate's; or NoDraft when its program is (almost) that of another. Never waits."""
    if isinstance(draft, NoDraft):
        return draft
    shop = desk.workshop
    owner = shop.claim(draft.source, desk.ordinal)
    if owner is None:
        refused = shop.novelty.turn_away(draft, desk.ordinal)
        if refused is None:
            return draft
        shop.unclaim(draft.source, desk.ordinal)
        return refused
    return NoDraft(reason="duplicate", feedback=f"the same program as candidate {owner}")


async def repair(state: CandidateRun, runtime: Runtime[Desk]) -> CandidateRun:
    """A second (third …) program of the same candidate, made from the failing stage's evidence."""
    desk = runtime.context
    shop = desk.workshop
    attempt = state["attempt"] + 1
    desk.drafts.clear()
    desk.faults.clear()
    if not shop.may_repair:
        return {"repairable": False}
    if desk.reservation is None:
        try:
            desk.reservation = shop.budget.reserve(evaluations=1)
        except BudgetExhausted:
            return {"repairable": False}
    shop.pipeline.propose(desk.ordinal)
    context = desk.context(state["parents"], state.get("step", StepPlan()), attempt=attempt)
    random = decide(shop.plan.search.seed, desk.ordinal, f"repair.{attempt}")
    with desk.proposing():
        mended = await shop.team.coder.repair(context, random=random, is_known=shop.is_known)
    desk.drafts[0] = claimed(desk, mended)
    return {"attempt": attempt, "code_sha": None, "evaluated": False}


async def gate(state: CandidateRun, runtime: Runtime[Desk]) -> CandidateRun:
    """Take the most novel usable program among the drafts; exact duplicates are never evaluated."""
    desk = runtime.context
    shop = desk.workshop
    drafts = [draft for _, draft in sorted(desk.drafts.items())]
    if not drafts and desk.faults:
        raise desk.faults[0]
    usable = [draft for draft in drafts if isinstance(draft, Draft)]
    if usable:
        taken = shop.novelty.most_novel(usable)
        await _note_drafts(desk, taken)
        sha = await _store_program(desk, taken, state["attempt"])
        for draft in usable:
            shop.unclaim(draft.source, desk.ordinal)
        return {"code_sha": sha, "evaluated": False}
    await _note_drafts(desk, None)
    refused = next((draft for draft in drafts if isinstance(draft, NoDraft)), NoDraft(reason="no_program"))
    desk.failure = StageEvidence(stage="gate", outcome=Outcome.FAIL, reason=refused.reason, feedback=refused.feedback)
    if desk.broken is None and state["parents"]:
        desk.broken = shop.program(state["parents"][0])
    repairable = refused.reason in REPAIRABLE_DRAFTS
    return {"code_sha": None, **_fate(desk, CandidateState.REJECTED, refused.reason, repairable=repairable)}


async def _note_drafts(desk: Desk, taken: Draft | None) -> None:
    """Of several drafts all were paid for and one is evaluated: what became of the others stays on record."""
    if len(desk.drafts) + len(desk.faults) < 2:
        return
    fates: dict[str, Json] = {str(number): _draft_fate(draft, taken) for number, draft in sorted(desk.drafts.items())}
    payload: dict[str, Json] = {"fates": fates, "faults": [str(fault)[:200] for fault in desk.faults]}
    shop = desk.workshop
    await shop.store.append_event(shop.campaign_id, "candidate.drafts", payload, ordinal=desk.ordinal)


def _draft_fate(draft: Draft | NoDraft, taken: Draft | None) -> str:
    if isinstance(draft, NoDraft):
        return draft.reason
    return "taken" if draft is taken else f"not_taken: {draft.note or draft.operator_name}"[:200]


async def evaluate(state: CandidateRun, runtime: Runtime[Desk]) -> CandidateRun:
    """Run the cascade and commit what it saw, score and counters included, in one transaction.

    What the gate refused passes by: an edge around here would cost every other candidate a look at it.
    """
    desk = runtime.context
    shop, attempt = desk.workshop, state["attempt"]
    sha = state["code_sha"]
    if sha is None:
        return {}
    if desk.reservation is None:
        desk.reservation = shop.budget.reserve(evaluations=1)
    evidence = await shop.evaluate(desk.source(sha), phase=Phase.SEARCH, ordinal=desk.ordinal)
    await commit_evidence(desk, evidence, attempt)
    if shop.reuse is not None:
        shop.reuse.note(sha, evidence, ordinal=desk.ordinal, attempt=attempt)
    _remember(desk, evidence, sha)
    return {"evaluated": True, **_judge_outcome(desk, evidence)}


async def commit_evidence(desk: Desk, evidence: Evidence, attempt: int) -> None:
    shop = desk.workshop
    score = score_evidence(evidence, shop.plan.objectives[0])
    if score is not None and (
        violated(evidence, shop.plan.constraints) is not None or evidence.evidence_class is not shop.evidence_class
    ):
        score = None
    await shop.store.save_evidence(
        shop.campaign_id,
        desk.ordinal,
        evidence,
        attempt=attempt,
        score=score.value if score else None,
        score_low=score.low if score else None,
    )
    desk.evaluations += 1
    if desk.reservation is not None:
        desk.reservation.settle(evaluations=1)
        desk.reservation = None


def _judge_outcome(desk: Desk, evidence: Evidence) -> CandidateRun:
    failure = evidence.failure
    if evidence.alarm is not None:
        return _fate(desk, CandidateState.SUSPICIOUS, evidence.alarm, repairable=False)
    if failure is not None:
        repairable = failure.reason not in UNREPAIRABLE_STAGES and failure.outcome is not Outcome.ERROR
        return _fate(desk, CandidateState.REJECTED, failure.reason or failure.stage, repairable=repairable)
    if evidence.evidence_class is not desk.workshop.evidence_class:
        return _fate(desk, CandidateState.REJECTED, OTHER_CLASS, repairable=False)
    if violated(evidence, desk.workshop.plan.constraints) is not None:
        return _fate(desk, CandidateState.REJECTED, "violates_constraint", repairable=False)
    return _fate(desk, CandidateState.MEASURED, "", repairable=False)


def _fate(desk: Desk, state: CandidateState, reason: str, *, repairable: bool) -> CandidateRun:
    desk.fate = (state, reason)
    return {"state": state, "reason": reason, "repairable": repairable}


def _remember(desk: Desk, evidence: Evidence, sha: str | None) -> None:
    desk.evidence, desk.failure = evidence, evidence.failure
    if desk.failure is not None and sha is not None:
        desk.broken = desk.failed_program(sha, evidence)


async def judge(state: CandidateRun, runtime: Runtime[Desk]) -> CandidateRun:
    """Words beside the score. A candidate without evidence gets none."""
    desk = runtime.context
    shop, sha = desk.workshop, state.get("code_sha")
    if not state.get("evaluated") or sha is None or desk.evidence is None or not state["parents"]:
        return {}
    context = desk.context(state["parents"], state.get("step", StepPlan()), attempt=state["attempt"])
    context = context.model_copy(update={"profile": await _profile(desk, sha, desk.evidence)})
    try:
        desk.verdict = await shop.team.judge.judge(context, desk.source(sha), desk.evidence)
    except ModelFault as fault:
        if fault.retryable:
            raise
        return {}
    return {}


async def _profile(desk: Desk, sha: str, evidence: Evidence) -> KernelProfile | None:
    """Of the best so far only: a look into a program takes as long as measuring it."""
    shop = desk.workshop
    if not shop.looks_into:
        return None
    row, best = shop.store.candidate(shop.campaign_id, desk.ordinal), shop.store.best_score(shop.campaign_id)
    is_best = row.score is not None and best is not None and row.score >= best
    return await shop.look_into(sha, desk.source(sha), evidence) if is_best else shop.known_profile(sha)


async def record(state: CandidateRun, runtime: Runtime[Desk]) -> CandidateRun:
    desk = runtime.context
    shop = desk.workshop
    fate, reason = state["state"], state.get("reason", "")
    await shop.store.finish_candidate(shop.campaign_id, desk.ordinal, fate, reason=reason, verdict=desk.verdict)
    await tell(desk, fate, reason)
    return {}


async def _store_program(desk: Desk, draft: Draft, attempt: int) -> str:
    shop: Workshop = desk.workshop
    shop.novelty.remember(desk.ordinal, draft.source)
    if desk.made == NOT_MADE:
        desk.made = (draft.operator, draft.operator_name)
    return await shop.store.save_code(
        shop.campaign_id,
        desk.ordinal,
        draft.source,
        shape=shop.novelty.shape(draft.source),
        attempt=attempt,
        operator=None if desk.ordinal == 0 else draft.operator,
        operator_name="seed" if desk.ordinal == 0 else draft.operator_name,
        note=draft.note,
        knowledge=draft.knowledge,
        state=CandidateState.EVALUATING,
    )
