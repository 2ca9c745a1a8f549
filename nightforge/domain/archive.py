"""What a search policy remembers, as values: small, bounded, and kept in the store row by row.

Only trials grow with the campaign, by one short row per candidate; nothing of the search reads them while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CAMPAIGN = -1
"""The island number under which the campaign as a whole keeps its progress and its Pareto front."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A candidate's place in the archive of an island, or (island `CAMPAIGN`) on the Pareto front."""

    island: int
    ordinal: int
    cell: str
    """Coordinates in the grid of behaviour, e.g. `7/-2`; empty where the task declares no dimensions."""
    score_low: float
    objectives: tuple[float, ...] = ()
    """Turned so that more is better; only on the front."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How an island (or the campaign) comes on."""

    island: int
    told: int = 0
    """Results that it has heard of."""
    best: float | None = None
    """The best score (lower bound) so far."""
    signal: float = 0.0
    """Decayed mean of squared relative improvements: what search intensity follows."""
    gain: float = 0.0
    """Decayed mean of the gains over the parent, where there were any: the scale of a reward."""
    stale: int = 0
    """Results since the best rose."""
    moved: int = 0
    """Value of `told` at its last migration (or, for the campaign, at its last change of paradigm)."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to make a candidate, model × operator, and what it has brought."""

    model: str
    operator: str
    pulls: int = 0
    wins: float = 0.0
    """Decayed sum of rewards between 0 and 1."""
    losses: float = 0.0
    """Decayed sum of what was missing to 1."""
    cost: float = 0.0
    """Mean cost of a candidate made so, in the campaign's currency: dollars with models, seconds without."""


@dataclass(frozen=True, slots=True)
class Trial:
    """That the policy has heard of a candidate, and what it made of it."""

    ordinal: int
    island: int
    arm: str
    reward: float
    cost: float


@dataclass(frozen=True, slots=True)
class ArchiveChange:
    """What one result changes; committed as a whole or, when the result is known already, not at all."""

    trial: Trial | None = None
    """None when no result came: a person's mark changed who may be a parent."""
    progress: Sequence[Progress] = ()
    arms: Sequence[Arm] = ()
    arrivals: Sequence[Resident] = ()
    departures: Sequence[tuple[int, int]] = ()
    """(island, ordinal) pairs that leave their archive."""


@dataclass(frozen=True, slots=True)
class Archive:
    """All of it, to go on from after a restart."""

    residents: Sequence[Resident] = ()
    progress: Sequence[Progress] = ()
    arms: Sequence[Arm] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """A sentence that an earlier campaign left for later ones."""

    task: str
    language: str
    text: str
