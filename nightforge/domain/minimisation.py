"""What is left of a winner when all that it does not need is taken out, and what each part that is left brings."""

from __future__ import annotations

from typing import Literal

from nightforge.domain.base import Frozen
from nightforge.domain.evidence import Metric

DOCUMENT = "minimisation"


def document_name(ordinal: int) -> str:
    """The campaign's document on the candidate with this number."""
    return f"{DOCUMENT}.{ordinal}"


class Trial(Frozen):
    """One program that was tried in the winner's place: the winner without some of its hunks."""

    code_sha: str
    left_out: tuple[int, ...]
    """Numbers of hunks."""
    verdict: Literal["as-good", "worse", "fails", "not-told"]
    """`not-told`: the noise hid the answer; the hunks stay."""
    reason: str = ""
    gain: Metric | None = None
    """Its gain over the program that it was held against, by `Minimisation.scale`: below 1, or below 0, it lost."""


class Hunk(Frozen):
    """A run of lines in which the winner differs from the seed."""

    number: int
    """From 1, as they stand in the program."""
    diff: str
    """Its lines, with `-` and `+` before them."""
    fate: Literal["kept", "dropped", "unknown"] = "unknown"
    share: Metric | None = None
    """Share of the gain over the seed that is lost without this hunk, all others in place: 1 is all of it. Shares of
    hunks that need each other add up to more than 1. None where it could not be measured."""
    note: str = ""
    """Why there is no share: without it the program fails, or the budget ended."""


class Minimisation(Frozen):
    schema_version: Literal[1] = 1
    ordinal: int
    """The winner."""
    minimal: int | None = None
    """The candidate that was made of what is left, confirmed; the winner itself where nothing could be dropped; None
    while it goes on."""
    hunks: tuple[Hunk, ...] = ()
    trials: tuple[Trial, ...] = ()
    shares: tuple[Trial, ...] = ()
    """One hunk left out of the minimal program each."""
    scale: Literal["ratio", "difference"] = "difference"
    """How gains are told: champion's time over challenger's, paired; or the difference of the objective."""
    total: Metric | None = None
    """The minimal program's gain over the seed, in that scale."""
    evaluations: int = 0
    """What it took so far: evaluations, duels and confirmations."""
    note: str = ""
    """Why nothing was left out although hunks could have been; empty where that is not so."""
    ended: str = ""
    """`done`, or what stopped it; empty while it goes on."""

    @property
    def dropped(self) -> tuple[Hunk, ...]:
        return tuple(hunk for hunk in self.hunks if hunk.fate == "dropped")

    @property
    def kept(self) -> tuple[Hunk, ...]:
        return tuple(hunk for hunk in self.hunks if hunk.fate != "dropped")
