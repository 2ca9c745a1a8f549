"""Finalists are measured again: fresh process, fresh seeds, hidden inputs. Only these numbers are results."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.base import Json
from nightforge.domain.candidate import Candidate
from nightforge.domain.duel import Duel, DuelFinding, Duels, OffersDuels
from nightforge.domain.evidence import Evidence
from nightforge.domain.scoring import score_evidence
from nightforge.domain.words import CandidateState, Outcome, Phase
from nightforge.errors import EvaluatorFault, SandboxFault
from workflows.campaign import Campaign
from workflows.workshop import Workshop

LOOKED_THROUGH = 64
DUELS = "duels"
"""The document that says how the confirmed fared against each other."""


async def confirm_finalists(campaign: Campaign) -> None:
    """The best `confirm_top` candidates, best first; one that is in doubt makes room for the next.

    A person who stops it now ends it; what was confirmed stays.
    """
    workshop, confirmed = campaign.workshop, 0
    for candidate in _finalists(workshop):
        if confirmed >= workshop.plan.search.confirm_top:
            return
        if workshop.store.candidate(workshop.campaign_id, candidate.ordinal).discarded:
            continue  # by a person, while others were confirmed
        state: CandidateState | None = candidate.state
        if candidate.confirmation is None:
            state = await confirm(campaign, candidate)
        if state is None:
            return
        confirmed += state is not CandidateState.SUSPICIOUS


async def find_champion(campaign: Campaign) -> Duels | None:
    """The confirmed meet, interleaved and paired: a champion is dethroned only by a measurement against itself.

    The one with the best confirmed score is the first champion; the others challenge it in that order. None where
    nothing was confirmed, the evaluator offers no duels, or a person stopped it.
    """
    shop = campaign.workshop
    evaluator = shop.evaluator
    confirmed = [one for one in _finalists(shop) if one.state is CandidateState.CONFIRMED]
    if not confirmed or not isinstance(evaluator, OffersDuels):
        return None
    known = shop.store.document(shop.campaign_id, DUELS, Duels)
    met = {(duel.champion, duel.challenger): duel for duel in known.duels} if known else {}
    champion, fought = confirmed[0], list[Duel]()
    for challenger in confirmed[1 : shop.plan.search.confirm_top]:
        duel = met.get((champion.ordinal, challenger.ordinal)) or await _fight(
            campaign, evaluator, champion, challenger
        )
        if duel is None:
            return None
        fought.append(duel)
        if duel.finding.verdict == "challenger":
            champion = challenger
        standing = Duels(champion=champion.ordinal, duels=tuple(fought))
        await shop.store.save_document(shop.campaign_id, DUELS, standing)
    return Duels(champion=champion.ordinal, duels=tuple(fought))


async def _fight(campaign: Campaign, evaluator: OffersDuels, champion: Candidate, challenger: Candidate) -> Duel | None:
    shop = campaign.workshop
    assert champion.code_sha is not None
    assert challenger.code_sha is not None
    try:
        finding = await campaign.control.attend(
            evaluator.duel(
                shop.store.source(champion.code_sha),
                shop.store.source(challenger.code_sha),
                shop.task,
                shop.plan.parameters,
                seed=shop.entropy(),
                calibration=shop.calibration,
            )
        )
    except (SandboxFault, EvaluatorFault) as fault:
        # The confirmations stand without it: a duel that our side breaks decides nothing, and ends no campaign.
        finding = DuelFinding(verdict="failed", reason=f"not held: {fault}"[:500])
    if finding is None:
        return None
    duel = Duel(champion=champion.ordinal, challenger=challenger.ordinal, finding=finding)
    payload: dict[str, Json] = {"champion": champion.ordinal, "verdict": finding.verdict, "reason": finding.reason}
    await shop.store.append_event(shop.campaign_id, "confirmation.duel", payload, ordinal=challenger.ordinal)
    return duel


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
    if state is CandidateState.CONFIRMED:
        # For the report; a person who stops it now has the result without.
        await campaign.control.attend(workshop.look_into(candidate.code_sha, source, evidence))
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
    if not evidence.evidence_class.can_be_confirmed:
        return CandidateState.MEASURED, f"evidence is {evidence.evidence_class}"
    if not evidence.distinguishable:
        return CandidateState.MEASURED, "not_distinguishable"
    return CandidateState.CONFIRMED, ""


def _finalists(workshop: Workshop) -> Sequence[Candidate]:
    """By score, whatever was confirmed before: a campaign that went on may have found better ones since.

    Those with the score of another come last: what shows the one to be no result would show the same of them all.
    """
    store, named = workshop.store, workshop.campaign_id
    first = {one.ordinal: one for one in store.distinct(named, limit=LOOKED_THROUGH)}
    found = {one.ordinal: one for one in store.ranked(named, limit=LOOKED_THROUGH)} | first
    return sorted(found.values(), key=lambda one: (one.ordinal not in first, -(one.score_low or 0.0), one.ordinal))
