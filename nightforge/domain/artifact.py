"""A candidate outside the database: its program, what was measured of it, and what is needed to measure it again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, Protocol, runtime_checkable

from pydantic import Field

from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.evidence import Evidence, Metric
from nightforge.domain.task import Task

ARTIFACT_FILE = "artifact.json"
ORIGINAL, RESULT = "original.v", "design.v"
"""Of hardware: what the user had and what it became, both with the user's names. A patch is made between them."""


class Artifact(Frozen):
    """`artifact.json` of an exported candidate's folder."""

    schema_version: Literal[1] = 1
    candidate: str
    """`CAMPAIGN.ORDINAL`."""
    goal: str
    task: str
    """A shipped task's name, or the path of a task folder."""
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    program: str
    """File beside this one."""
    sha256: str
    """Of the program."""
    judged: tuple[str, ...] = ()
    """Metrics of the objectives and constraints: what a timed replay, or one with another seed, is held to."""
    evidence: Evidence
    """The confirmation where there is one, else what the search measured."""


class Disagreement(Frozen):
    """Something that a replay found otherwise than it was stored."""

    what: str
    stored: str
    found: str


def compare(
    stored: Evidence, found: Evidence, *, band: float = 0.0, only: Collection[str] | None = None
) -> tuple[Disagreement, ...]:
    """What differs between two evaluations of one program: how they ended, classes of proof, metrics (of `only`).

    Metrics agree within `band` (relative), or where their intervals meet; 0 asks for equality up to rounding.
    """
    if stored.passed != found.passed:
        return (Disagreement(what="outcome", stored=_outcome(stored), found=_outcome(found)),)
    differences = []
    if stored.evidence_class is not found.evidence_class:
        kinds = (stored.evidence_class.value, found.evidence_class.value)
        differences.append(Disagreement(what="evidence class", stored=kinds[0], found=kinds[1]))
    before, now = proofs(stored), proofs(found)
    if before and before != now:
        differences.append(Disagreement(what="proof", stored=", ".join(before), found=", ".join(now) or "none"))
    for name, metric in stored.metrics.items():
        if only is not None and name not in only:
            continue
        other = found.metrics.get(name)
        if other is None:
            differences.append(Disagreement(what=name, stored=_value(metric), found="not measured"))
        elif not _agree(metric, other, band):
            differences.append(Disagreement(what=name, stored=_value(metric), found=_value(other)))
    return tuple(differences)


def changed_tools(stored: Evidence, found: Evidence) -> Mapping[str, tuple[str, str]]:
    """Tools that are not what they were, with both versions: the first suspects where figures differ."""
    before = {name: version for stage in stored.stages for name, version in stage.tools.items()}
    now = {name: version for stage in found.stages for name, version in stage.tools.items()}
    return {
        name: (before[name], now.get(name, "")) for name in before if name != "proof" and before[name] != now.get(name)
    }


def proofs(evidence: Evidence) -> tuple[str, ...]:
    """Classes of proof that the stages noted, in order; empty for an evaluator that proves nothing."""
    return tuple(stage.tools["proof"] for stage in evidence.stages if "proof" in stage.tools)


def _agree(one: Metric, other: Metric, band: float) -> bool:
    low, high = (one.value if one.low is None else one.low), (one.value if one.high is None else one.high)
    least, most = (other.value if other.low is None else other.low), (other.value if other.high is None else other.high)
    slack = max(band, 1e-9) * max(abs(one.value), abs(other.value))
    return least <= high + slack and low <= most + slack


def _outcome(evidence: Evidence) -> str:
    failure = evidence.failure
    return "passed" if failure is None else f"{failure.stage}: {failure.reason or failure.outcome.value}"


def _value(metric: Metric) -> str:
    return f"{metric.value:g} {metric.unit}".strip()


@runtime_checkable
class OffersExport(Protocol):
    """What an evaluator adds to `Evaluator` whose candidates are more than their program's text."""

    async def export(self, source: str, task: Task, parameters: Mapping[str, Scalar]) -> Mapping[str, bytes]:
        """File name → content, to lie beside the program. Raises UserError when it cannot be made."""
        ...


@runtime_checkable
class OffersFiles(Protocol):
    """What an evaluator adds to `Evaluator` that can be made from text alone: nothing is run for it."""

    def files(self, source: str, task: Task, parameters: Mapping[str, Scalar]) -> Mapping[str, ExportedFile]:
        """File name → content, to lie beside an exported program: a header, a wrapper, a module."""
        ...


class ExportedFile(Frozen):
    content: str
    what: str
    """In a few words, for the folder's README."""
