"""The course of the night: every step is drawn, baseline and roof with it, and the title says what is to be seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.words import CandidateState
from nightforge.report import ReportData
from nightforge.report.model import Picture
from nightforge.report.plot_parts import HEIGHT, WIDTH, log_ticks, stand_alone
from nightforge.report.progress import make_progress, steps_of
from nightforge.report.progress_plot import Progress, Step, draw_progress

Scene = Callable[..., Awaitable[ReportData]]
SVG = "{http://www.w3.org/2000/svg}"
MEASURED, CONFIRMED = CandidateState.MEASURED, CandidateState.CONFIRMED
finite = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


def drawn(*values: float, **changes: object) -> Progress:
    known: dict[str, object] = {
        "steps": tuple(Step(at, at, value) for at, value in enumerate(values)),
        "dots": (),
        "failed": (),
        "candidates": len(values),
        "more_is_better": True,
        "title": "speedup",
        "unit": "x",
    }
    return Progress(**{**known, **changes})  # type: ignore[arg-type]


@given(
    st.lists(finite, min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), finite), max_size=12),
    st.none() | finite,
    st.none() | finite,
)
def test_whatever_the_numbers_everything_lies_on_the_picture(
    values: list[float], dots: list[tuple[int, float]], baseline: float | None, roof: float | None
) -> None:
    picture = draw_progress(
        drawn(
            *values,
            dots=tuple(dots),
            failed=(0, 3),
            candidates=12,
            baseline=None if baseline is None else ("base", baseline),
            roof=None if roof is None else ("roof", roof),
        )
    )
    root = ElementTree.fromstring(picture)
    marks = root.findall(f"{SVG}circle[@class='champ']")
    assert len(marks) == len(values)
    for circle in root.findall(f"{SVG}circle"):
        assert 0 <= float(circle.attrib["cx"]) <= WIDTH
        assert 0 <= float(circle.attrib["cy"]) <= HEIGHT
    assert len(root.findall(f"{SVG}line[@class='base']")) == (baseline is not None)
    assert len(root.findall(f"{SVG}line[@class='fail']")) == 2
    assert "nan" not in picture


def test_wide_ranges_are_logarithmic_and_say_so() -> None:
    assert "logarithmic" in draw_progress(drawn(1.0, 100.0))
    assert "logarithmic" not in draw_progress(drawn(1.0, 1.6))
    assert "logarithmic" not in draw_progress(drawn(-100.0, 100.0))


@given(st.floats(1e-9, 1e9), st.floats(1.01, 1e12))
def test_ticks_of_a_logarithmic_axis_lie_on_it(low: float, ratio: float) -> None:
    found = log_ticks(low, low * ratio)
    assert all(low <= tick <= low * ratio for tick in found)
    assert found == sorted(found)
    assert len(found) <= 25


def test_names_in_a_plot_are_words() -> None:
    picture = draw_progress(drawn(1.0, 2.0, baseline=('<script>"&', 1.0), title="a<b"))
    root = ElementTree.fromstring(picture)
    assert not root.findall(f".//{SVG}script")
    assert any((text.text or "").startswith('<script>"&') for text in root.findall(f"{SVG}text"))
    whole = stand_alone(picture)
    assert ElementTree.fromstring(whole).find(f"{SVG}style") is not None
    assert stand_alone("<svg></svg>") == "<svg></svg>"


async def test_steps_are_the_searchs_own(scene: Scene) -> None:
    data = await scene((1.2, None, MEASURED), (1.1, None, MEASURED), (1.5, 1.9, CONFIRMED), (1.4, None, MEASURED))
    assert [(step.ordinal, step.value) for step in steps_of(data)] == [(0, 1.0), (1, 1.2), (3, 1.5)]
    section = make_progress(data)
    assert section is not None
    (picture,) = section.blocks
    assert isinstance(picture, Picture)
    assert picture.title == ".3 (rewrite.3) brought 60% of the gain; the best so far is candidate 3 of 5"
    assert picture.twin is not None
    assert [row[1] for row in picture.twin.rows] == ["1", "1.20", "1.50"]
    assert ">baseline: C fast-math<" in picture.svg


@pytest.mark.parametrize(
    ("found", "words"),
    [((), "Only the seed so far"), (((0.9, None, MEASURED),), "No candidate of 2 measured better than the first")],
)
async def test_a_night_without_a_step_says_so(scene: Scene, found: tuple[object, ...], words: str) -> None:
    section = make_progress(await scene(*found))
    assert section is not None
    (picture,) = section.blocks
    assert isinstance(picture, Picture)
    assert picture.title == words


async def test_a_long_quiet_end_is_in_the_title(scene: Scene) -> None:
    section = make_progress(await scene((1.5, None, MEASURED), *[(1.1, None, MEASURED)] * 8))
    assert section is not None
    (picture,) = section.blocks
    assert isinstance(picture, Picture)
    assert "the last 8 of 10 candidates brought nothing better" in picture.title
