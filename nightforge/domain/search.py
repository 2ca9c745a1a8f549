"""The search's seam: a policy is asked for the next candidate's parents and told what came of it.

A policy keeps its state in the store (tables kept up on insert) or derives it from there, so that a campaign that was
killed goes on with the same one and a decision costs the same at the first and at the millionth candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, runtime_checkable

from pydantic import Field

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Choice as Choice
from nightforge.domain.plan import Plan
from nightforge.domain.ports import Store
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState, OperatorKind


class Result(Frozen):
    """What came of a candidate."""

    ordinal: int
    choice: Choice
    state: CandidateState
    reason: str = ""
    operator: OperatorKind | None = None
    """As made: a repair or a fallback may differ from the choice."""
    operator_name: str = ""
    score: float | None = None
    """None unless measured; failure is a status, never a number."""
    score_low: float | None = None
    parent_score: float | None = None
    behaviour: dict[str, float] = Field(default_factory=dict)
    """The task's behaviour dimensions."""
    objectives: tuple[float, ...] = ()
    """All objectives turned so that more is better, in the plan's order; empty unless measured."""
    cost_usd: float = 0.0
    seconds: float = 0.0
    """Of proposing and evaluating it."""


class Policy(Protocol):
    """Who is varied next, and how (entry point group `nightforge.policies`; the value is a `PolicyFactory`)."""

    name: str

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        """Never empty-handed: parent 0, the seed, is always there."""
        ...

    async def tell(self, result: Result) -> None:
        """Called once per finished candidate, after its row is committed; telling the same again changes nothing."""
        ...


@runtime_checkable
class RemembersResults(Protocol):
    """A policy that keeps what it was told, and is told again on resume what a crash kept from it."""

    def untold(self) -> Sequence[int]:
        """Ordinals of finished candidates that it has not heard of."""
        ...


@runtime_checkable
class KeepsArchive(Protocol):
    """A policy that keeps candidates in archives of its own, which a person's marks must reach."""

    def has_lost(self) -> bool:
        """Somebody in its archives may not be a parent any more: discarded, or found suspicious."""
        ...

    async def revise(self, results: Sequence[Result]) -> None:
        """Who may not be a parent leaves every archive; `results`, the best that may, stand where they have earned it.

        No result counts twice by it: only archives change, and the best that they know of.
        """
        ...


@dataclass(frozen=True)
class PolicyContext:
    """What a policy is made from."""

    campaign_id: str
    plan: Plan
    task: Task
    store: Store
    inspirations: int = 2
    """Programs beside the parent that the team can use."""


PolicyFactory = Callable[[PolicyContext], Policy]
