"""A number that was not made by us says so wherever it stands, and is never called a result."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable

import pytest
from rich.console import Console

from nightforge.cli.listing import _best, campaign_record
from nightforge.cli.live import best_text, news_line
from nightforge.cli.show import ranked_text
from nightforge.domain.candidate import Event
from nightforge.domain.comparison import Comparison, ComparisonSpec
from nightforge.domain.evidence import Calibration, Evidence, Metric
from nightforge.domain.words import CandidateState, EvidenceClass, Phase
from nightforge.report import ReportData, build_report
from nightforge.report.comparison_text import comparison_text
from nightforge.report.markdown import to_markdown
from nightforge.report.states import class_note, shape_and_word
from nightforge.report.terminal import print_report
from nightforge.store import SqlStore
from workflows.comparison_summary import summarise
from workflows.confirmation import settle

Maker = Callable[..., Evidence]
Scene = Callable[..., Awaitable[ReportData]]
OTHERS = [EvidenceClass.SELF_REPORTED, EvidenceClass.FOREIGN]


@pytest.fixture(params=OTHERS, ids=lambda kind: kind.value)
def kind(request: pytest.FixtureRequest) -> EvidenceClass:
    found: EvidenceClass = request.param
    return found


@pytest.fixture
def make_evidence(make_evidence: Maker, kind: EvidenceClass) -> Maker:
    def make(*given: object, **named: object) -> Evidence:
        return make_evidence(*given, **named).model_copy(update={"evidence_class": kind})

    return make


@pytest.fixture
def calibration(calibration: Calibration, kind: EvidenceClass) -> Calibration:
    return calibration.model_copy(update={"evidence_class": kind})


def shown(data: ReportData) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_report(build_report(data), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_a_report_calls_it_by_its_class_and_confirms_nothing(scene: Scene, kind: EvidenceClass) -> None:
    data = await scene((1.6, 1.55, CandidateState.MEASURED))
    assert data.winner is None
    headline = build_report(data).headline
    assert headline.startswith("Nothing is confirmed: 1.55 x")
    assert f"is a {kind.value} number" in headline
    for text in (shown(data), to_markdown(build_report(data))):
        assert f"measured, {kind.value}" in text
        assert f"evidence is {kind.value}" in text
        assert "Found 1.55" not in text


async def test_a_gain_too_small_is_none_in_any_class(scene: Scene, kind: EvidenceClass) -> None:
    headline = build_report(await scene((1.02, 1.01, CandidateState.MEASURED))).headline
    assert headline.startswith("No gain")
    assert f"re-measured, {kind.value}" in headline


async def test_lists_and_lines_show_the_class_beside_the_number(scene: Scene, kind: EvidenceClass) -> None:
    data = await scene((1.6, None, CandidateState.MEASURED))
    top = data.top
    assert top is not None
    assert shape_and_word(top) == f"● measured, {kind.value}"
    assert _best(data.campaign, top).endswith(f"●, {kind.value}")
    best = campaign_record(data.campaign, top)["best"]
    assert isinstance(best, dict)
    assert best["evidence_class"] == kind.value
    assert best_text(data.campaign, top).endswith(f"(measured, {kind.value})")
    assert f"measured, {kind.value}" in ranked_text([top], "speedup", 160)
    event = Event(sequence=1, campaign_id="c", at=top.created_at, kind="candidate.best", ordinal=1)
    assert news_line(event, Metric(value=2.0), class_note(top.evidence)).endswith(f"at 2, {kind.value}")


async def test_a_comparison_counts_no_such_number_as_confirmed(
    scene: Scene, store: SqlStore, calibration: Calibration, kind: EvidenceClass
) -> None:
    data = await scene((1.6, 1.55, CandidateState.MEASURED))
    cell = {"policy": "evolve", "seed": 0, "campaign_id": data.campaign.campaign_id, "done": True}
    spec = ComparisonSpec(goal="g", task="t", policies=("evolve",), seeds=(0,), evaluations=2)
    document = {"comparison_id": "x", "spec": spec, "calibration": calibration, "cells": [cell]}
    summary = summarise(store, Comparison.model_validate(document), data.objective)
    assert summary.evidence_class is kind
    assert summary.paired_by == "measured"
    assert summary.runs[0].confirmed is None
    assert f"Evidence {kind.value}" in comparison_text(summary)


def test_no_class_but_ours_is_ever_confirmed(make_evidence: Maker, kind: EvidenceClass) -> None:
    assert not kind.can_be_confirmed
    assert "never confirmed" in kind.meaning
    evidence = make_evidence(2.0, phase=Phase.CONFIRMATION)
    assert settle(evidence) == (CandidateState.MEASURED, f"evidence is {kind.value}")


def test_ours_needs_no_word(make_evidence: Maker) -> None:
    ours = make_evidence(2.0).model_copy(update={"evidence_class": EvidenceClass.ISOLATED})
    assert class_note(ours) == ""
    assert class_note(None) == ""
    assert EvidenceClass.ISOLATED.can_be_confirmed
    assert settle(ours) == (CandidateState.CONFIRMED, "")
