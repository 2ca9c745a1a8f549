"""Finalists are measured again: fresh process, fresh seeds, hidden inputs. Only these numbers are results."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Evidence
from nightforge.domain.scoring import score_evidence
from nightforge.domain.words import CandidateState, EvidenceClass, Outcome, Phase
from workflows.campaign import Campaign
from workflows.workshop import Workshop

LOOKED_THROUGH = 64


async def confirm_finalists(campaign: Campaign) -> None:
    """The best `confirm_top` candidates, best first; one that is in doubt makes room for the next.

    A person who stops it now ends it; what was confirmed stays.
    """
    workshop, confirmed = campaign.workshop, 0
    for candidate in _finalists(workshop):
        if confirmed >= workshop.plan.search.confirm_top:
            return
        state: CandidateState | None = candidate.state
        if candidate.confirmation is None:
            state = await confirm(campaign, candidate)
        if state is None:
            return
        confirmed += state is not CandidateState.SUSPICIOUS


async def confirm(campaign: Campaign, candidate: Candidate) -> CandidateState | None:
    """The state that the confirmation gave it; None when it was stopped."""
    assert candidate.code_sha is not None
    workshop = campaign.workshop
    source = workshop.store.source(candidate.code_sha)
    evidence = await campaign.evaluate_aside(source, phase=Phase.CONFIRMATION)
    if evidence is None:
        return None
    state, reason = settle(evidence)
    score = score_evidence(evidence, workshop.plan.objectives[0])
    await workshop.store.save_confirmation(
        workshop.campaign_id,
        candidate.ordinal,
        evidence,
        state=state,
        reason=reason,
        score=score.value if score else None,
        score_low=score.low if score else None,
    )
    return state


def settle(evidence: Evidence) -> tuple[CandidateState, str]:
    """What a confirmation's evidence makes of a candidate, and why.

    A gain that the noise hides stays measured: the number is true, but it is no result.
    """
    failure = evidence.failure
    if failure is not None:
        if failure.outcome is Outcome.ERROR:
            return CandidateState.MEASURED, f"confirmation did not end: {failure.reason}"
        return CandidateState.SUSPICIOUS, failure.reason or failure.stage
    if evidence.evidence_class is not EvidenceClass.ISOLATED:
        return CandidateState.MEASURED, f"evidence is {evidence.evidence_class}"
    if not evidence.distinguishable:
        return CandidateState.MEASURED, "not_distinguishable"
    return CandidateState.CONFIRMED, ""


def _finalists(workshop: Workshop) -> Sequence[Candidate]:
    """By score, whatever was confirmed before: a campaign that went on may have found better ones since."""
    ranked = workshop.store.ranked(workshop.campaign_id, limit=LOOKED_THROUGH)
    scored = [candidate for candidate in ranked if candidate.score_low is not None]
    return sorted(scored, key=lambda one: (-(one.score_low or 0.0), one.ordinal))
