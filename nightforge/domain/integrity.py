"""How far an evaluator can be believed: wrong programs that it must catch, and whether it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from nightforge.domain.base import Frozen
from nightforge.domain.rehearsal import RehearsalReport

LEAST_SCORE = 0.95
"""An evaluator that catches a smaller share of mutants is not to be believed."""
LARGEST_APART = 0.10
"""Nor one whose tolerance hides more than this share of them: a score says nothing of what was counted apart."""


class Finding(Frozen):
    """What the stages that judge correctness (never those that measure) said of one program."""

    built: bool
    """False: it never became a program; the compiler or parser refused it."""
    accepted: bool
    stage: str
    reason: str = ""
    feedback: str = ""
    build: str = ""
    """Digest of what was built: two programs with the same one are the same program. Empty where nothing is built."""
    answers: str = ""
    """Digest of every answer that was accepted, in order; comparable between checks of one seed."""
    share: float = 0.0
    """Largest error as a share of what is allowed; 0 where answers are exact."""
    seconds: float = 0.0


class AdmissionCheck(Frozen):
    """One program of known fate on the way to admitting a task."""

    name: str
    title: str
    expect: str
    """`pass` or `reject`."""
    stage: str
    """The last stage that it reached."""
    outcome: str
    """`passed`, or why it was rejected."""
    feedback: str = ""
    share: float = 0.0
    held: bool


class MutantFate(StrEnum):
    CAUGHT = "caught"
    SURVIVED = "survived"
    SUB_TOLERANCE = "sub-tolerance"
    """Its answers differ from the correct program's, by less than the task allows."""
    EQUIVALENT = "equivalent"
    """Proven to be the same program; nobody could catch it."""
    DUPLICATE = "duplicate"
    """Built to the same program as an earlier mutant, which stands for it."""
    STILLBORN = "stillborn"
    """Not a program: the compiler or parser refused it."""


class MutantResult(Frozen):
    mutant_id: str
    """Origin, line and a digest: the same list and sources give the same one."""
    origin: str
    """The correct program that was changed."""
    operator: str
    line: int
    before: str
    after: str
    fate: MutantFate
    why: str
    """Caught: stage and reason. Otherwise: the proof, or what is known of it."""
    share: float = 0.0
    seconds: float = 0.0


class MutationReport(Frozen):
    """The mutation score: caught mutants among those that a perfect oracle could catch.

    Left out are stillborn mutants, duplicates, those proven equivalent, and those whose answers stay within the
    tolerance (counted apart as `sub-tolerance`). Survivors without a proof count against the evaluator.
    """

    seed: int
    results: tuple[MutantResult, ...]

    @property
    def counts(self) -> Mapping[MutantFate, int]:
        found = Counter(result.fate for result in self.results)
        return {fate: found[fate] for fate in MutantFate}

    @property
    def counted(self) -> int:
        return self.counts[MutantFate.CAUGHT] + self.counts[MutantFate.SURVIVED]

    @property
    def score(self) -> float | None:
        """None when there was nothing to catch."""
        return self.counts[MutantFate.CAUGHT] / self.counted if self.counted else None

    @property
    def survivors(self) -> tuple[MutantResult, ...]:
        return tuple(result for result in self.results if result.fate is MutantFate.SURVIVED)


class Remark(Frozen):
    """Something that a check found of a task beside its candidates, in words for the person who made it."""

    topic: str
    """A word or two: `noise`, `build`, `the program deleted`."""
    level: Literal["ok", "note", "bad"]
    """`bad` stands against using the task as it is."""
    said: str
    mend: str = ""
    ends: bool = False
    """Nothing more can be checked before this is mended."""


class IntegrityReport(Frozen):
    """What `nightforge task check` found, kept as `integrity.json` in the task's folder."""

    schema_version: Literal[1] = 1
    task: str
    evaluator: str
    digest: str
    """Of the task's folder as it was checked; with another one this report is out of date."""
    made_at: datetime
    tools: dict[str, str] = Field(default_factory=dict)
    admission: tuple[AdmissionCheck, ...] = ()
    rehearsal: RehearsalReport | None = None
    mutation: MutationReport | None = None
    least_score: float = LEAST_SCORE
    """Below this mutation score the evaluator is not to be believed."""
    not_offered: tuple[str, ...] = ()
    """Capabilities that the evaluator lacks, in words."""
    remarks: tuple[Remark, ...] = ()

    @property
    def complaints(self) -> tuple[str, ...]:
        """What stands against trusting the evaluator on this task; empty when nothing does."""
        found = [f"{check.name} ({check.title}): {check.outcome}" for check in self.admission if not check.held]
        if self.rehearsal is not None:
            found += [
                f"{check.path} ({check.title}): {check.outcome}" for check in self.rehearsal.checks if not check.held
            ]
        found += [f"{one.topic}: {one.said}" for one in self.remarks if one.level == "bad"]
        score = None if self.mutation is None else self.mutation.score
        if score is not None and score < self.least_score:
            found.append(f"mutation score {score:.1%} is below {self.least_score:.0%}")
        if self.mutation is not None:
            apart = self.mutation.counts[MutantFate.SUB_TOLERANCE]
            if apart > LARGEST_APART * (apart + self.mutation.counted):
                found.append(f"{apart} mutants stay within the tolerance: it is too wide")
        return tuple(found)


class HiddenOpenings(Frozen):
    """How often hidden inputs were looked at; each look makes them a little less hidden."""

    campaign: int
    task: int
    """By every campaign of this database on the same task, this one included, and aside."""
    campaigns: int
    aside: int = 0
    """By `nightforge eval --confirm`, which belongs to no campaign."""


class IntegritySummary(Frozen):
    """What a plan card shows of a task's last check."""

    problem: str = ""
    """Why there is nothing to show: never checked, or out of date."""
    checked_at: datetime | None = None
    score: float | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    """Mutants by fate."""
    survivors: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
