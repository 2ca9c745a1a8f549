"""What a verifier of a program task is: trusted code that looks at an answer alone, and judges it exactly.

A verifier is a module (one of `evaluators.program`, or `verifier.py` in a task's folder) with two functions. It is
given what the candidate's function returned, after strict JSON: nested lists, names, numbers, texts, truth values. It
believes nothing of it, uses no tolerance and no floating point to decide, and takes its time from the answer's size,
which it limits first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from nightforge.domain.base import Json, Scalar


class Refused(Exception):
    """The answer is not one: which condition it breaks, where, and by how much."""

    def __init__(self, condition: str, detail: str) -> None:
        super().__init__(f"{condition}: {detail}")
        self.condition = condition
        self.detail = detail


@dataclass(frozen=True)
class Quantity:
    """An exact number; it is rounded once, when it is shown."""

    value: Fraction
    unit: str = ""


@dataclass(frozen=True)
class Judged:
    """A valid answer: its metrics, the task's objectives among them, and a word to who wrote it."""

    metrics: Mapping[str, Quantity]
    notes: str = ""


@dataclass(frozen=True)
class Known:
    """What is known of the task's first objective: the best published value, and what nobody can pass."""

    best: Fraction
    source: str
    """Who published it, where; for the plan card and the brief."""
    bound: Fraction
    proof: str
    """Whose proof; a value beyond `bound` is an alarm about the verifier."""


class Verifier(Protocol):
    """Modules are used as objects; parameters are the task's, by name."""

    def verify(self, answer: Json, parameters: Mapping[str, Scalar]) -> Judged:
        """Raises Refused, and nothing else whatever the answer is."""
        ...

    def known(self, parameters: Mapping[str, Scalar]) -> Known | None:
        """None where nothing is known for these parameters."""
        ...
