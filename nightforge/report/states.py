"""States as shape + word, so that colour is never needed to tell them apart."""

from __future__ import annotations

from nightforge.domain.candidate import Candidate
from nightforge.domain.words import CampaignState, CandidateState

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
    CampaignState.PAUSED: "⏸",
    CampaignState.DRAINING: "▷",
    CampaignState.FINISHED: "■",
    CampaignState.FAILED: "✕",
}


def shape_and_word(candidate: Candidate) -> str:
    return f"{CANDIDATE_SHAPES[candidate.state]} {candidate.state.value}"
