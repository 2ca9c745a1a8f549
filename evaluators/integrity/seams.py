"""What an evaluator offers to the integrity layer: one Protocol per capability, each optional.

An evaluator implements those that its domain allows, beside `nightforge.domain.ports.Evaluator`; the checks ask with
`isinstance` and say which capability is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, runtime_checkable

from nightforge.domain.base import Scalar
from nightforge.domain.integrity import Finding, Remark
from nightforge.domain.task import Task


@dataclass(frozen=True)
class Honest:
    """A correct program of the task, and where it comes from."""

    origin: str
    source: str
    is_derived: bool = False
    """Made by a program from another one; left out, instead of a fault, where the evaluator does not accept it."""


@dataclass(frozen=True)
class Change:
    """One mutation of a source: what was changed, by which operator, and the whole program after it."""

    operator: str
    line: int
    before: str
    after: str
    source: str


@dataclass(frozen=True)
class Mutant:
    origin: str
    change: Change

    @property
    def mutant_id(self) -> str:
        return f"{self.origin}:{self.change.line}:{sha256(self.change.source.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Impostor:
    """A program that does not solve the task and must not pass (or an honest one that must)."""

    name: str
    title: str
    source: str
    must_pass: bool = False
    refusal_counts: bool = False
    """A compiler that refuses it has noticed, too: it is no program of ours that was meant to build."""


class Checker(Protocol):
    """The stages that judge correctness, open for many programs in a row.

    Every program of one checker meets the same data. Failures of our side raise EvaluatorFault or SandboxFault.
    """

    async def tools(self) -> Mapping[str, str]:
        """Tools and versions that the checks depend on, for the report."""
        ...

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        """`known` are digests of builds that need not be run again: such a program is neither accepted nor judged."""
        ...

    async def recheck(self, source: str, *, seed: int) -> Finding:
        """The same on other data: does a program that was accepted only have luck?"""
        ...

    async def prove_equal(self, one: str, other: str) -> str:
        """Why both are the same program, in words; empty when that is not proven. Never a guess from answers."""
        ...


class Mutator(Protocol):
    """A fixed list of mutation operators for one language. Same source, same changes in the same order."""

    def __call__(self, source: str) -> Iterator[Change]: ...


@runtime_checkable
class OffersChecker(Protocol):
    def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AbstractAsyncContextManager[Checker]: ...


@runtime_checkable
class OffersMutants(Protocol):
    def honest_programs(self, task: Task) -> Sequence[Honest]:
        """Correct programs that mutants are made from, the task's seed first."""
        ...

    def mutator(self, task: Task) -> Mutator: ...


@runtime_checkable
class OffersImpostors(Protocol):
    def honest_programs(self, task: Task) -> Sequence[Honest]:
        """Correct programs, which must be admitted."""
        ...

    def impostors(self, task: Task) -> Sequence[Impostor]:
        """What the task must not admit: zeros, constants, copies of the input, earlier answers, low precision."""
        ...


@runtime_checkable
class OffersRemarks(Protocol):
    async def remarks(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int, say: Callable[[str], None]
    ) -> Sequence[Remark]:
        """What the task's own commands show when they are run: noise, time, holes, and what nobody can protect.

        A task that cannot be run at all is a remark, too: nothing is raised but faults of our side.
        """
        ...


@runtime_checkable
class LimitsMutants(Protocol):
    def most_mutants(self, task: Task) -> int:
        """How many are worth their time where the person names no number."""
        ...

    def least_score(self, task: Task) -> float:
        """The mutation score below which a person should mend the checks first: survivors that nobody can prove
        equivalent count against it."""
        ...
