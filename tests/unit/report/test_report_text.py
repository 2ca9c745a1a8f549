"""Numbers keep the digits that matter; untrusted text steers nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.evidence import Metric
from nightforge.report.text import (
    brief,
    clean,
    clean_line,
    duration,
    fence,
    markdown_cell,
    markdown_line,
    money,
    number,
    unit_words,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5937, "1.59"),
        (9.996, "10.0"),
        (0.012345, "0.0123"),
        (123.4, "123"),
        (16777216.0, "1.68e+07"),
        (3.0, "3"),
        (-2.5, "-2.50"),
        (4.483e-05, "4.48e-05"),
        (0.0, "0"),
    ],
)
def test_three_significant_digits(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        (Metric(value=1.5937, low=1.5409, high=1.676), "1.59 [1.54, 1.68]"),
        (Metric(value=254.0, low=253.5, high=254.5), "254.0 [253.5, 254.5]"),
        (Metric(value=1.0001, low=0.9999, high=1.0004), "1.0001 [0.9999, 1.0004]"),
        (Metric(value=1.2), "1.20"),
        (Metric(value=5.0, low=4.0, high=6.0), "5 [4, 6]"),
    ],
)
def test_an_interval_is_never_rounded_to_nothing(metric: Metric, shown: str) -> None:
    assert with_interval(metric) == shown


@pytest.mark.parametrize(
    ("dirty", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\u202eb\u2066c", "a·b·c"),
        ("back\bspace\rreturn", "back·space·return"),
        ("c1\x9b31m", "c1·31m"),
        ("a\u2028b\x00c\u200bd", "a·b·c·d"),
        ("keep\n\ttabs and é 漢", "keep\n\ttabs and é 漢"),
        ("\ud800", "·"),
    ],
)
def test_control_and_bidirectional_characters_are_taken_out(dirty: str, shown: str) -> None:
    assert clean(dirty) == shown


@given(st.text())
def test_cleaned_text_has_no_control_character(text: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", clean(text))


@given(st.text())
def test_a_cell_is_one_line_without_a_bare_bar(text: str) -> None:
    cell = markdown_cell(text)
    assert "\n" not in cell
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<`\[]", cell)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# no heading", "\\# no heading"),
        ("- no item", "\\- no item"),
        ("12. no list", "12\\. no list"),
        ("> no quote", "\\> no quote"),
        ("1.59 stays", "1.59 stays"),
        ("-O3 stays", "-O3 stays"),
        ("<script>", "\\<script>"),
        ("![x](http://y)", "!\\[x\\](http://y)"),
        ("---", "\\---"),
    ],
)
def test_a_line_begins_no_markup(text: str, line: str) -> None:
    assert markdown_line(text) == line


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    assert fence("no marks") == "```"
    assert fence("a ```` b") == "`````"


def test_times_and_money() -> None:
    assert [duration(seconds) for seconds in (0.0123, 5.25, 90, 138, 300, 600, 7 * 3600)] == [
        "12 ms",
        "5.2 s",
        "90 s",
        "2.3 min",
        "5 min",
        "10 min",
        "7.0 h",
    ]
    assert [money(dollars) for dollars in (0, 0.0042, 1.5)] == ["$0.00", "$0.0042", "$1.50"]


def test_one_line_of_many() -> None:
    assert clean_line("a\n  b\tc") == "a b c"


def test_what_is_cut_says_so() -> None:
    assert brief("tiles of 512", 12) == "tiles of 512"
    assert brief("tiles of 512,\nagain", 12) == "tiles of 51…"


@pytest.mark.parametrize(
    ("unit", "printed"), [("um2", "µm²"), ("um2*ns", "µm²·ns"), ("us", "µs"), ("x", "x"), ("", ""), ("a*b", "a·b")]
)
def test_units_are_printed_as_people_write_them(unit: str, printed: str) -> None:
    assert unit_words(unit) == printed
