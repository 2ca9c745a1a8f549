"""The section on the course of the night: how the best came about, and whether more of the same would pay."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.words import CandidateState, Direction
from nightforge.report.data import ReportData
from nightforge.report.headline import reference_title
from nightforge.report.model import Column, Picture, Section, SectionMaker, Table
from nightforge.report.progress_plot import Progress, Step, draw_progress
from nightforge.report.text import clean_line, number

_MOST_STEPS = 12
_QUIET = 0.5
"""Of the candidates without a better one: said in the title."""
_STANDING = frozenset({CandidateState.MEASURED, CandidateState.CONFIRMED})
_FAILED = frozenset({CandidateState.REJECTED, CandidateState.SUSPICIOUS})


def make_progress(data: ReportData) -> Section | None:
    """None before anything was measured."""
    steps = steps_of(data)
    if not steps:
        return None
    picture = Picture(
        name="progress",
        title=_finding(data, steps),
        text="Orange: the best so far, a mark where it changed. Grey: measured. Red ticks: failed. "
        "Dashed: the strongest baseline. These are the search's own numbers; the finalists were measured again.",
        svg=draw_progress(drawn_progress(data, steps)),
        twin=_twin(data, steps),
    )
    return Section(name="progress", title="How the best came about", blocks=(picture,))


def steps_of(data: ReportData) -> tuple[Step, ...]:
    """Each new best as the search saw it, in the order of finding. What confirmations changed later is left out."""
    steps: list[Step] = []
    best: float | None = None
    confirmed = _confirmed_scores(data)
    for found in data.bests:
        if found.ordinal is None or found.score is None or found.score_low is None:
            continue
        if confirmed.get(found.ordinal) == found.score:
            continue
        if best is not None and found.score_low <= best:
            continue
        best = found.score_low
        # Candidates end out of their order: a line that goes back would say that there was a better one before.
        at = max(found.ordinal, steps[-1].at) if steps else found.ordinal
        steps.append(Step(found.ordinal, at, _value(data, found.score)))
    return tuple(steps)


def _confirmed_scores(data: ReportData) -> dict[int, float]:
    """Confirming gives a score of another phase: a new best by that is no step of the search."""
    metric = data.objective.metric
    found = {
        one.ordinal: one.confirmation.metrics[metric].value
        for one in data.ranked
        if one.confirmation is not None and metric in one.confirmation.metrics
    }
    return {ordinal: _value(data, value) for ordinal, value in found.items()}


def drawn_progress(data: ReportData, steps: Sequence[Step]) -> Progress:
    objective = data.objective
    reference, room = data.reference_value, data.calibration.room if data.calibration else None
    return Progress(
        steps=tuple(steps),
        dots=tuple(
            (dot.ordinal, _value(data, dot.score))
            for dot in data.dots
            if dot.state in _STANDING and dot.score is not None
        ),
        failed=tuple(dot.ordinal for dot in data.dots if dot.state in _FAILED),
        candidates=max(data.campaign.tally.candidates, steps[-1].at + 1),
        more_is_better=objective.direction is Direction.MAX,
        title=objective.metric,
        unit=objective.unit,
        baseline=None if reference is None else (f"baseline: {reference_title(data)}", reference),
        roof=None if room is None else ("roof: no more is possible", room),
    )


def _value(data: ReportData, score: float) -> float:
    return score if data.objective.direction is Direction.MAX else -score


def _finding(data: ReportData, steps: Sequence[Step]) -> str:
    """What the plot shows, in one sentence."""
    total = data.campaign.tally.candidates
    if len(steps) == 1:
        return f"No candidate of {total} measured better than the first" if total > 1 else "Only the seed so far"
    largest = max(range(1, len(steps)), key=lambda at: abs(steps[at].value - steps[at - 1].value))
    share = abs(steps[largest].value - steps[largest - 1].value) / abs(steps[-1].value - steps[0].value)
    how = data.how.get(steps[largest].ordinal, "")
    by = f" ({how})" if how else ""
    gain = f".{steps[largest].ordinal}{by} brought {share:.0%} of the gain"
    quiet = total - 1 - steps[-1].at
    if quiet > _QUIET * total:
        return f"{gain}; the last {quiet:,} of {total:,} candidates brought nothing better"
    return f"{gain}; the best so far is candidate {steps[-1].ordinal:,} of {total:,}"


def _twin(data: ReportData, steps: Sequence[Step]) -> Table:
    """The plot in words; of many steps the first and the last ones."""
    shown = list(steps)
    if len(shown) > _MOST_STEPS:
        shown = [shown[0], *shown[-(_MOST_STEPS - 1) :]]
    rows = tuple(
        (
            f"{data.campaign.campaign_id}.{step.ordinal}" + (" (seed)" if step.ordinal == 0 else ""),
            number(step.value),
            clean_line(data.how.get(step.ordinal, "")) or "-",
        )
        for step in shown
    )
    left = f" ({len(steps) - len(shown)} between are left out)" if len(shown) < len(steps) else ""
    return Table(
        columns=(
            Column(title=f"new best{left}"),
            Column(title=f"measured {data.objective.metric} ({data.objective.unit})", right=True),
            Column(title="made by"),
        ),
        rows=rows,
    )


section = SectionMaker(order=28, make=make_progress)
