"""A task: the folder that says what can be evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from nightforge.domain.base import Frozen, Json, Scalar
from nightforge.domain.words import Direction

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]


class Objective(Frozen):
    """One metric to push; differences up to `epsilon` (in `unit`) count as equal."""

    metric: str
    unit: str
    direction: Direction
    epsilon: Annotated[float, Field(ge=0)] = 0.0
    title: str = ""


class Constraint(Frozen):
    metric: str
    relation: Literal["<=", ">="]
    bound: float
    unit: str = ""


class StageSpec(Frozen):
    """A stage's name as the evaluator knows it, what it does in words, and its time limit."""

    name: str
    title: str
    wall_s: Annotated[float, Field(gt=0)] = 10.0


class Parameter(Frozen):
    """Something of the task that a goal may ask for, with what is on offer.

    A goal that names a value outside `choices` (or `minimum`..`maximum`) is questioned or refused.
    """

    name: str
    title: str
    unit: str = ""
    default: Scalar
    choices: tuple[Scalar, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    words: dict[str, Scalar] = Field(default_factory=dict)
    """Words of a goal that mean a value of this parameter, e.g. {"double": "float64"}."""


class RehearsalCandidate(Frozen):
    """A candidate whose fate is known: the rehearsal holds the evaluator to it."""

    path: str
    expect: Literal["pass", "reject", "no-gain"]
    """`pass`: measured. `reject`: fails a stage. `no-gain`: fails, or gains nothing distinguishable."""
    title: str = ""


class BudgetDefaults(Frozen):
    evaluations: Annotated[int, Field(gt=0)] | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None


class Task(Frozen):
    """`task.toml`, validated. `settings` is the evaluator's own table and validated by it."""

    schema_version: Literal[1] = 1
    name: Name
    title: str
    goal: str
    keywords: tuple[str, ...] = ()
    domain: str
    """Name of the evaluator (entry point group `nightforge.evaluators`)."""
    language: str
    seed: str
    """File name of the starting program."""
    brief: str = "brief.md"
    """File that agents see: signature, rules, what is measured. Never the hidden part."""
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    constraints: tuple[Constraint, ...] = ()
    behaviour: tuple[str, ...] = ()
    stages: Annotated[tuple[StageSpec, ...], Field(min_length=1)]
    parameters: tuple[Parameter, ...] = ()
    rehearsal: tuple[RehearsalCandidate, ...] = ()
    budget: BudgetDefaults = BudgetDefaults()
    settings: dict[str, Json] = Field(default_factory=dict)
    root: Path = Field(exclude=True)

    @property
    def objective(self) -> Objective:
        """The first objective: the one that ranks a scalar campaign."""
        return self.objectives[0]

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")
