"""Several search policies at one budget: what is compared, how far it is, and what came of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.evidence import Calibration, Metric
from nightforge.domain.plan import ModelSpec
from nightforge.domain.rehearsal import RehearsalReport
from nightforge.domain.words import EvidenceClass, TeamKind

Axis = Literal["evaluations", "seconds", "dollars"]
FEWEST_PAIRS = 5
"""Below it no difference is called one: equal policies would give `n` differences of one sign in 2 of 2**n cases,
which is one in eight for four seeds, and then any bootstrap interval excludes zero."""


class ComparisonSpec(Frozen):
    """What is compared. Two equal specs are one comparison: the same command goes on with it."""

    schema_version: Literal[1] = 1
    goal: str
    task: str
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    fingerprint: str = ""
    """Of the task's files, the evaluator and its tools: after a change of these it is another comparison."""
    policies: Annotated[tuple[str, ...], Field(min_length=1)]
    """The first is the one that the others are held against."""
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    evaluations: Annotated[int, Field(ge=2)]
    """Of each campaign, the seed program's own included; confirmations apart."""
    cpu_s: Annotated[float, Field(gt=0)] | None = None
    """Of each campaign: CPU seconds that end it, whatever it has evaluated by then; confirmations apart."""
    preset: str = ""
    team: TeamKind = TeamKind.OFFLINE
    models: tuple[ModelSpec, ...] = ()


class Cell(Frozen):
    """One campaign of the comparison."""

    policy: str
    seed: int
    campaign_id: str = ""
    done: bool = False
    reason: str = ""
    """Why its search ended."""
    interrupted: bool = False
    """It was taken up again: its seconds say nothing."""


class Comparison(Frozen):
    """The file of a comparison, written after each step."""

    comparison_id: str
    spec: ComparisonSpec
    calibration: Calibration | None = None
    rehearsal: RehearsalReport | None = None
    """Held once, in the first campaign; the others rest on it."""
    cells: tuple[Cell, ...]


class Step(Frozen):
    """The best score from here on."""

    evaluations: int
    seconds: float
    dollars: float
    best: float


class Run(Frozen):
    """What a finished cell came to. Scores are the objective turned so that more is better."""

    cell: Cell
    steps: tuple[Step, ...]
    evaluations: int
    seconds: float
    dollars: float
    measured: float | None = None
    """Best score of the search: selected from many noisy ones, and so too good on average."""
    confirmed: float | None = None
    """The finalist's score on fresh runs and hidden inputs."""


class Curve(Frozen):
    """Mean over seeds of the best score so far, with its 95 % bootstrap interval."""

    policy: str
    places: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Standing(Frozen):
    """One policy at the end of its budget."""

    policy: str
    runs: int
    measured: Metric | None = None
    confirmed: Metric | None = None
    difference: Metric | None = None
    """To the first policy, paired by seed, in confirmed scores where all have one, else in measured ones."""
    distinguishable: bool = False
    """The interval of `difference` excludes zero, and it comes from at least `FEWEST_PAIRS` seeds."""
    seconds: Metric | None = None
    evaluations: Metric | None = None


class Summary(Frozen):
    spec: ComparisonSpec
    unit: str = ""
    evidence_class: EvidenceClass = EvidenceClass.ISOLATED
    """Of every number in it."""
    paired_by: Literal["confirmed", "measured"] = "confirmed"
    standings: tuple[Standing, ...]
    curves: dict[Axis, tuple[Curve, ...]] = Field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    left: int = 0
    """Campaigns that have yet to run."""
