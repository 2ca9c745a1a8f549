"""The typed state of one candidate's run. Programs are in it only as hashes; the database is the truth."""

from __future__ import annotations

from typing import TypedDict

from nightforge.domain.team import StepPlan
from nightforge.domain.words import CandidateState


class CandidateRun(TypedDict, total=False):
    attempt: int
    parents: tuple[int, ...]
    step: StepPlan
    shift: bool
    """The policy wants another approach: the planner is asked, whatever the preset."""
    code_sha: str | None
    """The program of the present attempt, once it passed the gate."""
    evaluated: bool
    """The present attempt has its evidence in the store."""
    repairable: bool
    """The present attempt failed in a way that its evidence may help to mend."""
    state: CandidateState
    reason: str
