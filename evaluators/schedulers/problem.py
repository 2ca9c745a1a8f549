"""What a scheduling task is: instances, a trusted verifier, and who calls the candidate when.

Costs are minimised and exact (`int` or `Fraction`): a verifier computes them from the answer and its own copy of the
instance, never from what the candidate says. Sets: `train` (feedback shown), `validation` (selection, no feedback per
instance), `hidden` (a secret seed; for finalists), `public` (known benchmarks; for the report only).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256
from json import dumps
from typing import Protocol, TypeVar, cast, runtime_checkable

from nightforge.domain.base import Json

Cost = int | Fraction
T = TypeVar("T")


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
    _made: dict[object, object] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """References belong to an instance by its content, not by its name."""
        return sha256(dumps([self.data, self.truth], sort_keys=True).encode()).hexdigest()[:16]

    def once(self, make: Callable[[Instance], T]) -> T:
        """What `make` says of this instance, made once; to be read only."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("T", self._made[make])


@dataclass(frozen=True)
class Feature:
    """A number that a rule may look at: a terminal of the search, and a line of the brief."""

    name: str
    unit: str
    meaning: str
    function: str = ""
    """Which of the problem's functions is given it; empty: the first."""


class Violated(Exception):
    """The answer breaks a constraint of the instance: which one, where and how.

    `instance` is set where several are played side by side.
    """

    def __init__(self, constraint: str, detail: str, instance: str = "") -> None:
        super().__init__(f"{constraint}: {detail}")
        self.constraint = constraint
        self.detail = detail
        self.instance = instance


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


Play = Generator[Json, Json, Cost]
"""One online instance: yields what the rule may see now, is sent the decision, returns the cost. Raises Violated."""


@runtime_checkable
class OnlineProblem(Problem, Protocol):
    """One decision per question; state and future stay on this side, and what was decided stays decided."""

    @property
    def driver(self) -> str:
        """Text of the module whose `begin(functions, facts)` makes the `decide(observation)` of one instance. It runs
        beside the candidate and keeps there what follows from facts and observations; never the truth."""
        ...

    def play(self, instance: Instance) -> Play:
        """At least one question. The rule knows `instance.data` beforehand, and of `truth` what was yielded."""
        ...


@runtime_checkable
class Related(Protocol):
    """Instances that are the same but for names or units: finalists must do as well on them."""

    def related(self, instance: Instance) -> Mapping[str, tuple[Instance, Cost]]:
        """Relation → changed instance, and by what its costs are larger; the random part follows from the instance."""
        ...


@runtime_checkable
class Compiled(Protocol):
    """A problem whose driver exists in C, too (see `compiled`): it plays rules that are formulas, decision by decision
    as the driver in Python does, and far faster."""

    @property
    def engine(self) -> str:
        """Name of its file in `engine/`, without the ending."""
        ...

    def encode(self, instance: Instance) -> Sequence[int]:
        """The instance as that file reads it."""
        ...

    def decode(self, instance: Instance, numbers: Sequence[int]) -> Json:
        """The answer that it wrote: offline what `verify` takes, online the decisions one after another."""
        ...
