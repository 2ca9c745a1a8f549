"""States as shape + word, so that colour is never needed to tell them apart."""

from __future__ import annotations

from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.evidence import Evidence
from nightforge.domain.ports import Store
from nightforge.domain.words import CampaignState, CandidateState, EvidenceClass
from nightforge.report.text import clean_line

CANDIDATE_SHAPES = {
    CandidateState.DRAFTED: "○",
    CandidateState.BUILDING: "○",
    CandidateState.EVALUATING: "◌",
    CandidateState.REJECTED: "✕",
    CandidateState.MEASURED: "●",
    CandidateState.CONFIRMED: "▲",
    CandidateState.SUSPICIOUS: "⚠",
}

CAMPAIGN_SHAPES = {
    CampaignState.PLANNED: "○",
    CampaignState.RUNNING: "▶",
    CampaignState.PAUSED: "‖",
    CampaignState.DRAINING: "▷",
    CampaignState.FINISHED: "■",
    CampaignState.FAILED: "✕",
}

GONE = "process-gone"
"""Reason shown for a campaign that died; its row still says what it was doing."""

REASONS = {
    "budget:evaluations": "the cap on evaluations",
    "budget:wall_s": "the cap on wall time",
    "budget:cpu_s": "the cap on CPU time",
    "budget:cost_usd": "the cap on dollars",
    "budget:tokens": "the cap on tokens",
    "target": "the target is reached",
    "patience": "no better one for as long as patience allows",
    "near-bound": "the best is near the bound",
    "exhausted": "the operators have nothing left to try",
    "stopped": "asked to stop",
    "until": "the time named",
    "daily:cost_usd": "the day's cap on dollars of this machine",
    "withdrawn": "withdrawn before it began",
    GONE: "its process is gone; go on with `nightforge resume`",
}


def reason_words(reason: str) -> str:
    """Why a campaign ended, in words; what has none is shown as it is stored."""
    return REASONS.get(reason) or clean_line(reason)


def shape_and_word(candidate: Candidate) -> str:
    """State, the evidence's class where it is not ours, then a person's marks."""
    marks = (" ★" if candidate.starred else "") + (" (discarded)" if candidate.discarded else "")
    return f"{CANDIDATE_SHAPES[candidate.state]} {candidate.state.value}{class_note(candidate.evidence)}{marks}"


def is_alive(store: Store, campaign: Campaign) -> bool:
    """A process holds its lease."""
    return store.is_held(f"campaign:{campaign.campaign_id}")


def standing(store: Store, campaign: Campaign) -> tuple[Campaign, bool]:
    """The campaign as it stands, and whether a process runs it: one whose process is gone does not run."""
    alive = is_alive(store, campaign)
    at_work = campaign.state in {CampaignState.RUNNING, CampaignState.DRAINING}
    if alive or not (at_work or (campaign.state is CampaignState.PAUSED and campaign.reason == "asked")):
        return campaign, alive
    return campaign.model_copy(update={"state": CampaignState.PAUSED, "reason": GONE}), False


def class_note(evidence: Evidence | None) -> str:
    """`, foreign` behind a number that was not made by us; nothing behind one that was."""
    if evidence is None or evidence.evidence_class is EvidenceClass.ISOLATED:
        return ""
    return f", {evidence.evidence_class.value}"
