"""Metamorphic checks: answers to related questions must relate as the task says, whatever the oracle believes.

A relation needs no right answer: relabel the input and the answer is relabelled, scale it and the answer scales. It
catches what an oracle and a candidate have in common (a wrong oracle, a learnt question), so that finalists meet it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True)
class Relation(Generic[Q, A]):
    """`change` makes the second question from the first, `expected` the second answer from the first answer."""

    name: str
    change: Callable[[Q], Q]
    expected: Callable[[A], A]


@dataclass(frozen=True)
class Broken:
    relation: str
    distance: float
    allowed: float

    def describe(self) -> str:
        return f"{self.relation}: the two answers are {self.distance:.2e} apart from it; allowed {self.allowed:.1e}"


def first_broken(
    relations: Sequence[Relation[Q, A]],
    question: Q,
    *,
    ask: Callable[[Q], A],
    distance: Callable[[A, A], float],
    allowed: Callable[[Relation[Q, A]], float],
) -> Broken | None:
    """Ask twice per relation; the first whose answers lie further apart than allowed. NaN is never near anything."""
    for relation in relations:
        first = ask(question)
        second = ask(relation.change(question))
        apart, limit = distance(second, relation.expected(first)), allowed(relation)
        if not apart <= limit:
            return Broken(relation.name, apart, limit)
    return None
