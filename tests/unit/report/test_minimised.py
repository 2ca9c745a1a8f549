"""The section on what of the winner is needed: said as it is, finished or not, and without markup of a candidate's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from nightforge.domain.evidence import Metric
from nightforge.domain.minimisation import Hunk, Minimisation, Trial, document_name
from nightforge.domain.words import CandidateState
from nightforge.report import ReportData, build_report, gather
from nightforge.report.html import to_html
from nightforge.report.markdown import to_markdown
from nightforge.report.minimised import by_share, first_line, share_text, why_dropped
from nightforge.store import SqlStore

Scene = Callable[..., Awaitable[ReportData]]
WON = (1.25, 1.24, CandidateState.CONFIRMED)
HUNKS = (
    Hunk(number=1, diff="-a\n+<script>b</script>", fate="kept", share=Metric(value=0.43, low=0.38, high=0.49)),
    Hunk(number=2, diff="+\n+int unused;", fate="dropped"),
    Hunk(number=3, diff="-old", fate="kept", note="without it the program fails: wrong_output"),
)


async def told(store: SqlStore, scene: Scene, **changes: object) -> tuple[str, str]:
    data = await scene(WON)
    known: dict[str, object] = {"ordinal": 1, "minimal": 1, "hunks": HUNKS, "evaluations": 7, "ended": "done"}
    found = Minimisation.model_validate({**known, **changes})
    await store.save_document(data.campaign.campaign_id, document_name(1), found)
    report = build_report(gather(store, data.campaign.campaign_id))
    return to_markdown(report), to_html(report)


async def test_shares_notes_and_what_can_go(store: SqlStore, scene: Scene) -> None:
    text, page = await told(store, scene)
    assert "43 % \\[38, 49\\]" in text
    assert "without it the program fails: wrong\\_output" in text
    assert "not needed: + int unused;" in text
    assert "<script>b" not in page
    assert "It took 7 measurements" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"minimal": None, "ended": ""}, "Not finished"),
        ({"minimal": None, "ended": "its time is used"}, "not minimised: its time is used"),
        ({"ended": "its time is used"}, "It ended early: its time is used"),
        ({"note": "what was left of it was not confirmed as good"}, "not confirmed as good"),
        ({}, "none of them can go without a loss"),
    ],
)
async def test_how_it_stands(store: SqlStore, scene: Scene, changes: dict[str, object], words: str) -> None:
    text, _ = await told(store, scene, **changes)
    assert words in text


async def test_nothing_is_said_of_a_winner_that_was_not_minimised(scene: Scene) -> None:
    report = build_report(await scene(WON))
    assert "minimised" not in {section.name for section in report.sections}


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, "-"),
        (Metric(value=1.0), "100 %"),
        (Metric(value=0.0), "0 %"),
        (Metric(value=0.0034), "0.3 %"),
        (Metric(value=-0.02, low=-0.05, high=0.01), "-2 % [-5, 1]"),
    ],
)
def test_shares_as_words(share: Metric | None, words: str) -> None:
    assert share_text(share) == words


def test_a_hunk_is_known_by_its_first_line_that_says_something() -> None:
    assert first_line(HUNKS[1]) == "+ int unused;"
    assert first_line(HUNKS[2]) == "- old"
    assert first_line(Hunk(number=1, diff="+" + "x" * 200)).endswith("…")
    assert first_line(Hunk(number=1, diff="")) == " "


async def test_a_best_that_beats_no_baseline_is_told_of_too(store: SqlStore, scene: Scene) -> None:
    data = await scene((0.8, 0.8, CandidateState.CONFIRMED))
    assert data.winner is None
    found = Minimisation(ordinal=1, minimal=1, hunks=HUNKS, evaluations=7, ended="done")
    await store.save_document(data.campaign.campaign_id, document_name(1), found)
    text = to_markdown(build_report(gather(store, data.campaign.campaign_id)))
    assert "43 % \\[38, 49\\]" in text


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (None, "as good without it"),
        (Trial(code_sha="0" * 64, left_out=(2, 3), verdict="worse"), "as good without it"),
        (
            Trial(code_sha="0" * 64, left_out=(2, 4, 5), verdict="as-good", gain=Metric(value=1.5, unit="ms")),
            "as good without it and 2 others: 1.50 ms better",
        ),
        (
            Trial(code_sha="0" * 64, left_out=(2,), verdict="as-good", gain=Metric(value=0.0, unit="ms")),
            "as good without it: the same number",
        ),
    ],
)
def test_why_a_hunk_could_go(trial: Trial | None, words: str) -> None:
    found = Minimisation(ordinal=1, hunks=HUNKS, trials=() if trial is None else (trial,))
    assert why_dropped(found, HUNKS[1]) == words


def test_what_brings_most_comes_first() -> None:
    small = Hunk(number=4, diff="+x", share=Metric(value=0.1))
    unknown = Hunk(number=5, diff="+y")
    assert [one.number for one in by_share([unknown, small, HUNKS[2], HUNKS[0]])] == [3, 1, 4, 5]
