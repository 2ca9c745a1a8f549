"""How a stage says that a candidate is refused."""

from __future__ import annotations

from evaluators.cascade import CandidateFailed


class Refused(CandidateFailed):
    """The candidate fails here: a slug for counting, and text with the mend for the coder. Never our own fault."""
