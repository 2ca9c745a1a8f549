"""What a scheduling task is: instances, a trusted verifier, and who calls the candidate when.

Costs are minimised and exact (`int` or `Fraction`): a verifier computes them from the answer and its own copy of the
instance, never from what the candidate says. Sets: `train` (feedback shown), `validation` (selection, no feedback per
instance), `hidden` (a secret seed; for finalists), `public` (known benchmarks; for the report only).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256
from json import dumps
from typing import Protocol, runtime_checkable

from nightforge.domain.base import Json

Cost = int | Fraction


class Split(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    HIDDEN = "hidden"
    PUBLIC = "public"


@dataclass(frozen=True)
class Instance:
    """`data` is what the candidate (or its driver) may see; `truth` what only the verifier may (the future)."""

    name: str
    group: str
    data: dict[str, Json]
    truth: Json = None

    @property
    def digest(self) -> str:
        """References belong to an instance by its content, not by its name."""
        return sha256(dumps([self.data, self.truth], sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Feature:
    """A number that a rule may look at: a terminal of the search, and a line of the brief."""

    name: str
    unit: str
    meaning: str


class Violated(Exception):
    """The answer breaks a constraint of the instance: which one, where and how."""

    def __init__(self, constraint: str, detail: str) -> None:
        super().__init__(f"{constraint}: {detail}")
        self.constraint = constraint
        self.detail = detail


class Problem(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def functions(self) -> tuple[str, ...]:
        """Names that the candidate must define."""
        ...

    @property
    def features(self) -> tuple[Feature, ...]: ...

    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        """Same split and seed, same instances. `seed` is ignored for `public`."""
        ...

    def bound(self, instance: Instance) -> Cost:
        """A proven lower bound on any answer's cost, cheap to compute; a cost below it is an alarm."""
        ...


@runtime_checkable
class OfflineProblem(Problem, Protocol):
    """One question, the whole answer."""

    @property
    def driver(self) -> str:
        """Text of the module whose `solve(functions, instance)` calls the rule and builds the answer; it runs beside
        the candidate, so nothing that it says is believed. Empty: the function returns the answer itself."""
        ...

    def verify(self, instance: Instance, answer: Json) -> Cost:
        """The cost of a valid answer. Raises Violated."""
        ...


@runtime_checkable
class OnlineProblem(Problem, Protocol):
    """One decision per question; state and future stay on this side, and what was decided stays decided."""

    def play(self, instance: Instance, decide: Callable[[Sequence[Json]], Json]) -> Cost:
        """The cost of the decisions. `decide(arguments)` asks the candidate once. Raises Violated."""
        ...
