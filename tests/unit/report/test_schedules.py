"""The section on schedules: what an explanation becomes in the report, as text and as a picture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nightforge.cli.report import write_markdown
from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.explanation import STAGE, Chart, Explanation, Importance, InstanceRow, Span
from nightforge.domain.words import CandidateState, Outcome
from nightforge.report import build_report
from nightforge.report.data import ReportData
from nightforge.report.gantt import draw_charts, text_chart
from nightforge.report.markdown import to_markdown
from nightforge.report.schedules import explanation_of, formula_lines, make_schedules

Scene = Callable[..., Awaitable[ReportData]]
BASELINE = Chart(
    title="6x6-1: shortest first",
    length=40,
    spans=(Span(lane=0, label="0", start=0, end=30), Span(lane=1, label="1 & <b>", start=30, end=40)),
)
OURS = Chart(
    title="6x6-1: the candidate",
    length=20,
    spans=(Span(lane=0, label="0", start=0, end=10), Span(lane=1, label="1 & <b>", start=10, end=20)),
)
EXPLAINED = Explanation(
    rows=(
        InstanceRow(instance="6x6-1", group="6x6", cost=20, baseline=40, reference=20, gain=1.0),
        InstanceRow(instance="6x6-2", group="6x6", cost=44, baseline=40, reference=20, gain=-0.2),
        InstanceRow(instance="9x9-1", group="9x9", cost=None, baseline=40, reference=20, gain=-1.0),
    ),
    lane="machine",
    charts=(BASELINE, OURS),
    formulas=('priority: f["a"] + 0 * f["b"]',),
    short=('priority: f["a"]',),
    checked=12,
    importance=(Importance(feature="a", meaning="of [it](http://x)", loss=0.25), Importance(feature="b", loss=0.0)),
)


def explained(candidate: Candidate, text: str) -> Candidate:
    assert candidate.confirmation is not None
    stage = StageEvidence(stage=STAGE, outcome=Outcome.PASS, feedback=text)
    stages = (*candidate.confirmation.stages, stage)
    return candidate.model_copy(update={"confirmation": candidate.confirmation.model_copy(update={"stages": stages})})


@pytest.fixture
async def data(scene: Scene) -> ReportData:
    made = await scene((1.6, 1.59, CandidateState.CONFIRMED))
    ranked = tuple(explained(one, EXPLAINED.model_dump_json()) if one.confirmation else one for one in made.ranked)
    return replace(made, ranked=ranked)


async def test_the_section_tells_instances_formula_and_importance(data: ReportData) -> None:
    section = make_schedules(data)
    assert section is not None
    text = to_markdown(build_report(data).only("schedules"))
    assert "shorter than the best human rule of its group on 1, longer on 2" in text
    assert "| 6x6 | 2 | +0.400 |" in text
    assert "| 9x9-1 | - | 40 | 20 | -1.000 |" in text
    assert "same cost on all 12 training and validation instances" in text
    assert text.index("a +0.250") < text.index("b +0.000")
    assert "](http://x)" not in text.replace("\\]", "")


async def test_a_candidates_page_has_formula_short_form_and_features(data: ReportData) -> None:
    assert formula_lines(explanation_of(data.top)) == [
        'formula    priority: f["a"] + 0 * f["b"]',
        'in short   priority: f["a"] (same cost on 12 instances)',
        "features   a +0.250, b +0.000 of the gap",
    ]
    assert formula_lines(None) == []


async def test_nothing_is_said_where_nothing_was_explained(scene: Scene, data: ReportData) -> None:
    assert make_schedules(await scene((1.6, 1.59, CandidateState.CONFIRMED))) is None
    broken = tuple(explained(one, "{") if one.confirmation else one for one in data.ranked)
    assert make_schedules(replace(data, ranked=broken)) is not None, "the first explanation counts"
    again = await scene((1.6, 1.59, CandidateState.CONFIRMED))
    unread = tuple(explained(one, "{") if one.confirmation else one for one in again.ranked)
    assert make_schedules(replace(again, ranked=unread)) is None


async def test_the_charts_stand_beside_the_markdown(data: ReportData, tmp_path: Path) -> None:
    write_markdown(tmp_path / "morning.md", build_report(data))
    assert "morning-gantt.svg" in (tmp_path / "morning.md").read_text(encoding="utf-8")
    picture = ElementTree.fromstring((tmp_path / "morning-gantt.svg").read_text(encoding="utf-8"))
    bars = [one for one in picture.iter("{http://www.w3.org/2000/svg}rect") if one.get("class") == "span"]
    assert len(bars) == 4
    assert not any(one.get("fill") == "white" for one in picture.iter()), "the ground is the page's"


def test_both_charts_have_one_time_axis_and_one_colour_for_a_label() -> None:
    picture = ElementTree.fromstring(draw_charts((BASELINE, OURS), lane="machine"))
    bars = [one for one in picture.iter("{http://www.w3.org/2000/svg}rect") if one.get("class") == "span"]
    assert float(bars[0].get("width", "0")) == 3 * float(bars[2].get("width", "0"))
    assert bars[0].get("fill") == bars[2].get("fill") != bars[1].get("fill")


def test_a_text_chart_shows_who_runs_when() -> None:
    lines = text_chart(BASELINE, 40, columns=8).splitlines()
    assert lines[0] == "6x6-1: shortest first, length 40"
    first, second = (line[4:] for line in lines[1:])
    assert len(set(first[:6])) == 1
    assert set(first[6:]) <= {"·"}
    assert second.startswith("······")
    assert len(text_chart(OURS, 40, columns=8).splitlines()[1][4:]) <= 4, "nothing is drawn after the end"
