"""The section on schedules: on which instances the gain was made, by what formula, and how it looks on the clock."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from pydantic import ValidationError

from nightforge.domain.candidate import Candidate
from nightforge.domain.explanation import STAGE, Explanation, InstanceRow
from nightforge.report.data import ReportData
from nightforge.report.gantt import draw_charts, text_chart
from nightforge.report.model import Block, Bullets, Code, Column, Paragraph, Picture, Section, SectionMaker, Table
from nightforge.report.text import clean_line, counted, number

_MOST_ROWS = 12


def make_schedules(data: ReportData) -> Section | None:
    """None where the evaluator explains nothing."""
    top = data.winner or data.top
    explained = explanation_of(top)
    if top is None or explained is None or not explained.rows:
        return None
    blocks: list[Block] = [
        Paragraph(text=_summary(top, explained.rows)),
        _groups(explained.rows),
        _instances(explained.rows),
        *_formula(explained),
        *_charts(explained),
    ]
    return Section(name="schedules", title=f"Where the gain of {top.ref} comes from", blocks=tuple(blocks))


def explanation_of(candidate: Candidate | None) -> Explanation | None:
    """From the confirmation's last stages; None where there is none, or none that can be read."""
    stages = candidate.confirmation.stages if candidate is not None and candidate.confirmation is not None else ()
    text = next((stage.feedback for stage in stages if stage.stage == STAGE), "")
    try:
        return Explanation.model_validate_json(text) if text else None
    except ValidationError:
        return None


def formula_lines(explained: Explanation | None) -> list[str]:
    """For a candidate's page: the formula, its short form, what each feature adds."""
    if explained is None:
        return []
    lines = [f"formula    {clean_line(one)}" for one in explained.formulas]
    lines += [f"in short   {clean_line(one)} (same cost on {explained.checked} instances)" for one in explained.short]
    if explained.importance:
        parts = ", ".join(f"{clean_line(one.feature)} {one.loss:+.3f}" for one in explained.importance)
        lines.append(f"features   {parts} of the gap")
    return lines


def _summary(top: Candidate, rows: Sequence[InstanceRow]) -> str:
    better = [row for row in rows if row.cost is not None and row.cost < row.baseline]
    worse = [row for row in rows if row.cost is None or row.cost > row.baseline]
    text = (
        f"On {counted(len(rows), 'validation instance')}: shorter than the best human rule of its group on "
        f"{len(better)}, longer on {len(worse)}. The hidden instances decide; these are shown because they may be seen."
    )
    half = sorted((row.gain for row in rows), reverse=True)
    total, most = sum(half), sum(half[: max(1, len(half) // 4)])
    if total > 0 and most / total <= 1:
        text += f" The best quarter of them makes {100 * most / total:.0f} % of the gain."
    return text


def _groups(rows: Sequence[InstanceRow]) -> Table:
    columns = [
        Column(title="group"),
        Column(title="instances", right=True),
        Column(title="gap closed", right=True),
        Column(title="over the reference (%)", right=True),
        Column(title="best human rule (%)", right=True),
    ]
    found = []
    for group in dict.fromkeys(row.group for row in rows):
        own = [row for row in rows if row.group == group]
        valid = [row for row in own if row.cost is not None and row.reference]
        found.append(
            (
                clean_line(group),
                str(len(own)),
                f"{fmean(row.gain for row in own):+.3f}",
                number(fmean(100 * ((row.cost or 0) / row.reference - 1) for row in valid)) if valid else "-",
                number(fmean(100 * (row.baseline / row.reference - 1) for row in valid)) if valid else "-",
            )
        )
    return Table(columns=tuple(columns), rows=tuple(found))


def _instances(rows: Sequence[InstanceRow]) -> Table:
    """The best and the worst ones where there are too many."""
    ranked = sorted(rows, key=lambda row: -row.gain)
    half = _MOST_ROWS // 2
    shown = ranked if len(ranked) <= _MOST_ROWS else [*ranked[:half], *ranked[-half:]]
    titles = ("candidate", "best human rule", "reference", "gain")
    return Table(
        columns=(Column(title="instance"), *(Column(title=title, right=True) for title in titles)),
        rows=tuple(
            (
                clean_line(row.instance),
                "-" if row.cost is None else f"{row.cost:g}",
                f"{row.baseline:g}",
                f"{row.reference:g}",
                f"{row.gain:+.3f}",
            )
            for row in shown
        ),
    )


def _formula(explained: Explanation) -> list[Block]:
    blocks: list[Block] = []
    if explained.formulas:
        blocks.append(Code(language="python", text="\n".join(explained.formulas)))
    if explained.short:
        words = f"In short, with the same cost on all {explained.checked} training and validation instances:"
        blocks += [Paragraph(text=words), Code(language="python", text="\n".join(explained.short))]
    if explained.importance:
        blocks.append(Paragraph(text="What a feature adds: the gap closed, less what is left with a constant for it."))
        items = (
            f"{one.feature} {one.loss:+.3f}" + (f" ({clean_line(one.meaning)})" if one.meaning else "")
            for one in explained.importance
        )
        blocks.append(Bullets(items=tuple(map(clean_line, items))))
    return blocks


def _charts(explained: Explanation) -> list[Block]:
    if not explained.charts:
        return []
    longest = max(chart.length for chart in explained.charts)
    text = "\n\n".join(text_chart(chart, longest) for chart in explained.charts)
    picture = Picture(
        name="gantt",
        text="Gantt charts of the instance with the largest gain",
        svg=draw_charts(explained.charts, lane=explained.lane or "lane"),
    )
    words = f"The instance with the largest gain; a row is a {explained.lane or 'lane'}, a sign what runs there."
    return [picture, Paragraph(text=words), Code(text=text)]


section = SectionMaker(order=35, make=make_schedules)
