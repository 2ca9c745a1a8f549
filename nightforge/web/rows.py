"""A candidate as a row of a list, and what the task's folder says of its campaign: shared by several pages."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from pydantic import Field

from nightforge.catalogue import find_task
from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.evidence import Metric
from nightforge.domain.listing import Relative
from nightforge.domain.task import Objective
from nightforge.domain.words import CandidateState, Direction, EvidenceClass
from nightforge.errors import NightforgeError
from nightforge.report.data import shown_evidence, stated_metric
from nightforge.report.text import titled


class Row(Frozen):
    """`stated` is the number that the state's word stands for; `searched` what the search measured before."""

    ordinal: int
    ref: str
    state: CandidateState
    evidence_class: EvidenceClass | None = None
    """Other than `isolated`: the number is not ours."""
    stated: Metric | None = None
    searched: Metric | None = None
    operator_name: str = ""
    model: str = ""
    parent: int | None = None
    note: str = ""
    reason: str = ""
    starred: bool = False
    discarded: bool = False
    created_at: datetime
    finished_at: datetime | None = None


def row_of(candidate: Candidate, objective: Objective) -> Row:
    seen = shown_evidence(candidate)
    stated = stated_metric(candidate, objective.metric)
    searched = candidate.evidence.metrics.get(objective.metric) if candidate.evidence is not None else None
    return Row(
        ordinal=candidate.ordinal,
        ref=candidate.ref,
        state=candidate.state,
        evidence_class=None if seen is None else seen.evidence_class,
        stated=stated,
        searched=searched if candidate.confirmation is not None else None,
        operator_name=operator_words(candidate),
        model=candidate.choice.model if candidate.choice is not None else "",
        parent=candidate.parents[0] if candidate.parents else None,
        note=candidate.note if candidate.ordinal else "the program that the search began with",
        reason=candidate.reason,
        starred=candidate.starred,
        discarded=candidate.discarded,
        created_at=candidate.created_at,
        finished_at=candidate.finished_at,
    )


def operator_words(candidate: Candidate) -> str:
    if candidate.ordinal == 0:
        return "seed"
    return candidate.operator_name or (candidate.operator.value if candidate.operator is not None else "")


def value_of(relative: Relative, objective: Objective) -> float | None:
    """Its score as the objective's own number."""
    if relative.score is None:
        return None
    return relative.score if objective.direction is Direction.MAX else -relative.score


class TaskFacts(Frozen):
    """What pages need of a task; empty where its folder is gone."""

    name: str
    title: str = ""
    domain: str = ""
    language: str = ""
    behaviour: tuple[str, ...] = ()
    stages: dict[str, str] = Field(default_factory=dict)
    """Name → what it does, in words."""


@lru_cache(maxsize=64)
def _task_facts(name: str) -> TaskFacts:
    task = find_task(name)
    return TaskFacts(
        name=name,
        title=task.title,
        domain=task.domain,
        language=task.language,
        behaviour=task.behaviour,
        stages={stage.name: stage.title for stage in task.stages},
    )


def task_facts(campaign: Campaign) -> TaskFacts:
    """Read once per server and task."""
    try:
        return _task_facts(campaign.plan.task)
    except (NightforgeError, OSError):
        return TaskFacts(name=campaign.plan.task)


def gain_word(objective: Objective) -> str:
    """How a value of the objective reads in a header: `speedup (x)`."""
    return titled(objective.metric, objective.unit)
