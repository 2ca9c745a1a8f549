"""What pages ask of the store, and what it answers: stretches of a long list, families, samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nightforge.domain.candidate import Candidate
from nightforge.domain.words import CandidateState


class Shown(StrEnum):
    """Which candidates a list is about."""

    RANKED = "ranked"
    """Confirmed before measured, without those that somebody discarded."""
    CONFIRMED = "confirmed"
    MEASURED = "measured"
    SUSPICIOUS = "suspicious"
    REJECTED = "rejected"
    WORKING = "working"
    """Drafted, building or evaluating."""
    STARRED = "starred"
    DISCARDED = "discarded"
    ALL = "all"

    @property
    def has_rank(self) -> bool:
        return self in {Shown.RANKED, Shown.CONFIRMED, Shown.MEASURED}


class Order(StrEnum):
    BEST = "best"
    WORST = "worst"
    NEW = "new"
    OLD = "old"

    @property
    def by_score(self) -> bool:
        return self in {Order.BEST, Order.WORST}

    @property
    def turned(self) -> Order:
        return _TURNED[self]


_TURNED = {Order.BEST: Order.WORST, Order.WORST: Order.BEST, Order.NEW: Order.OLD, Order.OLD: Order.NEW}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stretch of a list ended. Every order goes on from it without counting what lies before."""

    ordinal: int
    state: CandidateState | None = None
    score_low: float | None = None
    """Of orders by score; None elsewhere."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """`order` BEST and WORST need a list with ranks. The last three narrow the list; they cost a look at each row, so
    that a stretch of theirs ends after a bounded number of rows, found or not."""

    shown: Shown = Shown.RANKED
    order: Order = Order.BEST
    operator_name: str = ""
    reason: str = ""
    words: str = ""
    """In the note, the reason or the operator's name; upper and lower case are equal."""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.operator_name or self.reason or self.words)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A page of a list."""

    candidates: Sequence[Candidate]
    forward: Place | None
    """None at the end."""
    backward: Place | None
    """None at the beginning."""
    ended_early: bool = False
    """Nothing more was found among the rows looked at, and there are more of them."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A candidate as a node of a lineage."""

    ordinal: int
    state: CandidateState
    parents: tuple[int, ...]
    operator_name: str
    note: str
    score: float | None
    score_low: float | None
    children: int
    starred: bool
    discarded: bool


@dataclass(frozen=True, slots=True)
class Dot:
    """A candidate as a dot of a plot over time."""

    ordinal: int
    state: CandidateState
    score: float | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewBest:
    """The campaign's best changed. None: nobody was left."""

    at: datetime
    ordinal: int | None
    score: float | None
    score_low: float | None


@dataclass(frozen=True, slots=True)
class SlotLoad:
    """How busy the evaluation slots were while the newest evaluations ended."""

    evaluations: int
    busy_s: float
    """Sum of the stages' durations of the evaluations that ended in the window."""
    window_s: float
    """From the end of the first of them, which is not counted, to the end of the last."""
