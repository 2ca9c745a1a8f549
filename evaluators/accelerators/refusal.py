"""How a stage says that a candidate is refused."""

from __future__ import annotations

from nightforge.domain.words import Outcome


class Refused(Exception):
    """The candidate fails here: a slug for counting, and text with the mend for the coder. Never our own fault."""

    def __init__(self, reason: str, feedback: str, outcome: Outcome = Outcome.FAIL) -> None:
        super().__init__(f"{reason}: {feedback}")
        self.reason = reason
        self.feedback = feedback
        self.outcome = outcome
