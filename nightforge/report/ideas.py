"""Sections that help to choose: the best few by idea, and which of several good ones to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Evidence, Metric
from nightforge.domain.words import CandidateState, Direction, EvidenceClass
from nightforge.report.choosing import Axis, Choosing, Option, choose
from nightforge.report.data import ReportData, shown_evidence, stated_metric
from nightforge.report.grouping import Finalist, Idea
from nightforge.report.model import Block, Bullets, Column, Paragraph, Section, SectionMaker, Table
from nightforge.report.states import shape_and_word
from nightforge.report.text import brief, counted, number, with_interval

IDEAS_SHOWN = 6
TWINS_NAMED = 8
_SIDE = (Axis("area_um2", "um2", Direction.MIN), Axis("delay_ns", "ns", Direction.MIN))
"""What hardware is weighed by, where it is measured and the objective is one number made of both."""
_SIZE = Axis("lines changed", "", Direction.MIN)


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


def axes_of(data: ReportData) -> tuple[Axis, ...]:
    """The plan's objectives where there are several; else area and delay; else the gain and the size of the change."""
    objectives = data.plan.objectives
    if len(objectives) > 1:
        return tuple(Axis(one.metric, one.unit, one.direction) for one in objectives)
    first = next((shown_evidence(one) for one in data.attempts), None)
    if first is not None and all(axis.metric in first.metrics for axis in _SIDE):
        return _SIDE
    return (Axis(objectives[0].metric, objectives[0].unit, objectives[0].direction), _SIZE)


def choosing_of(data: ReportData) -> Choosing | None:
    """Over the confirmed where there are two of them, else over all finalists: never the two mixed."""
    finalists = [one for idea in data.ideas for one in (idea.leader, *idea.twins)]
    sure = [one for one in finalists if one.candidate.state is CandidateState.CONFIRMED]
    axes = axes_of(data)
    found = choose(axes, _options(axes, sure))
    return found or choose(axes, _options(axes, [one for one in finalists if one.candidate.confirmation is None]))


def _options(axes: tuple[Axis, ...], finalists: list[Finalist]) -> list[Option]:
    options = []
    for one in finalists:
        values = []
        for axis in axes:
            metric = None if axis is _SIZE else stated_metric(one.candidate, axis.metric)
            values.append(float(one.lines_changed) if axis is _SIZE else None if metric is None else metric.value)
        known = [value for value in values if value is not None]
        if len(known) == len(axes):
            options.append(Option(one.candidate.ordinal, tuple(known)))
    return options


def make_choosing(data: ReportData) -> Section | None:
    """None where there is one answer."""
    found = choosing_of(data)
    if found is None:
        return None
    states = {one.candidate.ordinal: one.candidate for idea in data.ideas for one in (idea.leader, *idea.twins)}
    rows: list[tuple[str, ...]] = []
    told = [_telling([option.values[at] for option in found.front]) for at in range(len(found.axes))]

    def add(words: str, option: Option) -> None:
        one = states[option.ordinal]
        known = next((at for at, row in enumerate(rows) if row[1] == one.ref), None)
        if known is None:
            values = (tell(value) for tell, value in zip(told, option.values, strict=True))
            rows.append((words, one.ref, shape_and_word(one), *values))
        else:
            rows[known] = (f"{rows[known][0]}; {words}", *rows[known][1:])

    for at, axis in enumerate(found.axes):
        add(f"best {axis.metric}", found.best_in(at))
    if found.knee is not None:
        add("knee: most of both", found.knee)
    chosen = found.best_in(0)
    for at, axis in enumerate(found.axes[1:], start=1):
        cheaper = found.nearest_cheaper(chosen, at)
        if cheaper is not None:
            add(f"nearest to .{chosen.ordinal} with {'fewer' if axis is _SIZE else 'less'} {axis.metric}", cheaper)
    heads = tuple(
        Column(title=f"{axis.metric} ({axis.unit})" if axis.unit else axis.metric, right=True) for axis in found.axes
    )
    columns = (Column(title="take"), Column(title="candidate"), Column(title="state"), *heads)
    words = (
        f"{counted(len(found.front), 'design')} that no other beats in both {found.axes[0].metric} and "
        f"{found.axes[1].metric}."
        if len(found.axes) == 2
        else f"{counted(len(found.front), 'design')} that no other beats in everything."
    )
    return Section(
        name="choosing",
        title="Which one to take",
        blocks=(Paragraph(text=words), Table(columns=columns, rows=tuple(rows))),
    )


def _telling(values: Sequence[float]) -> Callable[[float], str]:
    """As few digits as tell the values apart; three where they do."""
    if len(set(map(number, values))) == len(set(values)):
        return number
    return lambda value: f"{value:.5g}"


section = SectionMaker(order=15, make=make_ideas)
choosing = SectionMaker(order=18, make=make_choosing)
