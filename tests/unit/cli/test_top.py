"""`top`: the facts on one line and on a screen; hostile words steer nothing, and the screen fits a terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nightforge.cli.top import SPARKS, best_text, line_of, screen_of, spark
from nightforge.domain.evidence import Metric
from nightforge.domain.listing import NewBest
from nightforge.domain.words import CampaignState, CandidateState, Direction
from nightforge.report.facts import Best, CampaignFacts, Cap, Failures

AT = datetime(2026, 3, 4, tzinfo=UTC)


def facts(**changes: object) -> CampaignFacts:
    known: dict[str, object] = {
        "campaign_id": "abc-def",
        "goal": "a faster softmax",
        "task": "softmax-long",
        "team": "offline",
        "state": CampaignState.RUNNING,
        "is_alive": True,
        "objective": "speedup",
        "unit": "x",
        "direction": Direction.MAX,
        "best": Best(
            ordinal=7, state=CandidateState.MEASURED, metric=Metric(value=1.62, low=1.58, high=1.66, unit="x"), note="n"
        ),
        "reference": "C fast-math",
        "reference_value": 1.0,
        "room": 1.8,
        "candidates": 1284,
        "evaluations": 1066,
        "evaluations_per_hour": 412.0,
        "in_flight": 5,
        "slots_busy": 4,
        "slots": 4,
        "rejected": 218,
        "failures": (Failures(reason="wrong_output", candidates=96),),
        "other_failures": 122,
        "active_s": 11520.0,
        "started_at": AT,
        "cost_usd": 3.1,
        "caps": (
            Cap(name="cost_usd", unit="$", cap=10.0, done=3.1),
            Cap(name="wall_s", unit="s", cap=28800, done=11520),
        ),
        "seconds_left": 13200.0,
    }
    return CampaignFacts.model_validate({**known, **changes})


def drawn(what: CampaignFacts, width: int = 100, news: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None, markup=False, emoji=False)
    console.print(screen_of(what, (), news))
    return stream.getvalue()


def test_the_line_says_what_matters() -> None:
    line = line_of(facts())
    for part in ("abc-def running", ".7 1.62 x [1.58, 1.66] (measured)", "412/h", "4 of 4 slots", "$3.10 of $10.00"):
        assert part in line
    assert "\n" not in line
    assert "ends in about" in line


def test_the_screen_has_the_same_and_the_caps_as_bars() -> None:
    text = drawn(facts())
    for part in ("1.62 x", "C fast-math 1", "roof 1.8", "31%", "40%", "96 wrong_output", "122 others"):
        assert part in text, part
    assert len(text.splitlines()) <= 24


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    hostile = facts(goal="g" * 400, failures=(Failures(reason="r" * 300, candidates=1),))
    for line in drawn(hostile, width, news=("x" * 500,)).splitlines():
        assert len(line) <= width


@given(st.text(max_size=60))
def test_words_of_others_steer_nothing(words: str) -> None:
    text = drawn(facts(goal=words, failures=(Failures(reason=words, candidates=1),), reason=words))
    assert "\x1b" not in text
    assert "\x1b" not in line_of(facts(reason=words, seconds_left=None))


def test_a_campaign_without_anything_has_a_screen() -> None:
    empty = facts(best=None, failures=(), caps=(), reference="", reference_value=None, room=None, seconds_left=None)
    assert best_text(empty) == "none yet"
    assert "none yet" in drawn(empty)


@given(st.lists(st.floats(min_value=-1e9, max_value=1e9), max_size=50))
def test_the_course_is_a_sign_a_step(scores: list[float]) -> None:
    signs = spark(facts(), [NewBest(AT, place, score, score) for place, score in enumerate(scores)])
    assert set(signs) <= set(SPARKS)
    assert len(signs) <= max(0, len(scores))
