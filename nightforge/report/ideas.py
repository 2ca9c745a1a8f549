"""Sections that help to choose: the best few by idea, and which of several good ones to take."""

from __future__ import annotations

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Evidence, Metric
from nightforge.domain.words import CandidateState, EvidenceClass
from nightforge.report.choices import Advice, advise
from nightforge.report.data import ReportData, shown_evidence, stated_metric
from nightforge.report.grouping import Finalist, Idea
from nightforge.report.model import Block, Bullets, Column, Paragraph, Section, SectionMaker, Table
from nightforge.report.states import shape_and_word
from nightforge.report.text import brief, counted, number, with_interval

IDEAS_SHOWN = 6
TWINS_NAMED = 8


def make_ideas(data: ReportData) -> Section | None:
    """One row an idea, twins folded below it, each with the reason to believe its number."""
    if not data.ideas:
        return None
    objective = data.objective
    columns = (
        Column(title="idea", right=True),
        Column(title="best of it"),
        Column(title="state"),
        Column(title=f"{objective.metric} ({objective.unit})", right=True),
        Column(title="what changed"),
        Column(title="lines", right=True),
        Column(title="twins", right=True),
        Column(title="why believed", minor=True),
    )
    shown = data.ideas[:IDEAS_SHOWN]
    rows = tuple(_row(data, place, idea) for place, idea in enumerate(shown, start=1))
    blocks: list[Block] = [Table(columns=columns, rows=rows)]
    folded = tuple(f"twins of {idea.leader.candidate.ref}: {_twins(data, idea)}" for idea in shown if idea.twins)
    if folded:
        blocks.append(Bullets(items=folded))
    finalists = counted(sum(1 + len(idea.twins) for idea in data.ideas), "finalist")
    left = (
        f" The {counted(len(data.ideas) - IDEAS_SHOWN, 'weaker idea')} are left out."
        if len(data.ideas) > IDEAS_SHOWN
        else ""
    )
    blocks.append(
        Paragraph(
            text=f"{finalists}, {counted(len(data.ideas), 'idea')}: programs whose changes against the seed are alike, "
            f"numbers apart, are one idea.{left}"
        )
    )
    return Section(name="ideas", title="The best few, by idea", blocks=tuple(blocks))


def _row(data: ReportData, place: int, idea: Idea) -> tuple[str, ...]:
    one = idea.leader.candidate
    metric = stated_metric(one, data.objective.metric)
    changed = one.note or " → ".join(idea.trail)
    return (
        str(place),
        one.ref,
        shape_and_word(one),
        "-" if metric is None else with_interval(metric),
        brief(changed, 90) or "-",
        str(idea.leader.lines_changed),
        str(len(idea.twins)) if idea.twins else "-",
        _belief(one, metric),
    )


def _belief(one: Candidate, metric: Metric | None) -> str:
    """In a few words what its number rests on."""
    evidence = shown_evidence(one)
    if evidence is None:
        return "-"
    parts = []
    if one.state is CandidateState.CONFIRMED:
        parts.append("measured again on hidden inputs")
    elif one.confirmation is not None:
        parts.append(f"re-measured: {one.reason.replace('_', ' ') or 'not confirmed'}")
    else:
        parts.append("search's measurement only")
    if metric is not None and metric.samples > 1:
        parts.append(f"{metric.samples} samples")
    proof = _proof(evidence)
    if proof:
        parts.append(f"proof: {proof}")
    if evidence.evidence_class is not EvidenceClass.ISOLATED:
        parts.append(evidence.evidence_class.value)
    return ", ".join(parts)


def _proof(evidence: Evidence) -> str:
    return next((stage.tools["proof"] for stage in reversed(evidence.stages) if "proof" in stage.tools), "")


def _twins(data: ReportData, idea: Idea) -> str:
    named = [f".{twin.candidate.ordinal} {_short(data, twin)}" for twin in idea.twins[:TWINS_NAMED]]
    more = len(idea.twins) - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _short(data: ReportData, twin: Finalist) -> str:
    metric = stated_metric(twin.candidate, data.objective.metric)
    word = twin.candidate.state.value
    return f"({number(metric.value)}, {word})" if metric is not None else f"({word})"


def make_choosing(data: ReportData) -> Section | None:
    """None where there is one answer."""
    found = advise(data.campaign, data.ideas, data.trades)
    if not found:
        return None
    blocks = tuple(block for advice in found for block in (Paragraph(text=advice.words), _choices(advice)))
    return Section(name="choosing", title="Which one to take", blocks=blocks)


def _choices(advice: Advice) -> Table:
    heads = tuple(
        Column(title=f"{axis.metric} ({axis.unit})" if axis.unit else axis.metric, right=True) for axis in advice.axes
    )
    rows = tuple(
        (one.words, one.candidate.ref, shape_and_word(one.candidate), *values)
        for one, values in zip(advice.choices, advice.told(), strict=True)
    )
    return Table(columns=(Column(title="take"), Column(title="candidate"), Column(title="state"), *heads), rows=rows)


section = SectionMaker(order=15, make=make_ideas)
choosing = SectionMaker(order=18, make=make_choosing)
