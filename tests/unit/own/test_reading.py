"""Numbers and answers out of what a user's commands print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.own.reading import BadMeasure, answer_of, first_difference, read_metrics
from evaluators.own.spec import Measure
from nightforge.domain.limits import ExecResult, ExitReason


def measure(**more: object) -> Measure:
    return Measure.model_validate({"kind": "report", "command": "x", "metric": "wait", "unit": "min", **more})


def printed(text: str, *, code: int = 0, outputs: dict[str, bytes] | None = None) -> ExecResult:
    return ExecResult(reason=ExitReason.EXITED, exit_code=code, stdout=text.encode(), outputs=outputs or {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"wait": 1.5}\n', 1.5),
        ('talk\n{"other": 2}\n{"metric": "wait", "value": 3, "unit": "s"}\nmore talk', 3.0),
        ('{"wait": 2.0}\n{"wait": 2.0}\n', 2.0),
        ('{"wait": 1e-3, "flag": true, "name": "x"}', 0.001),
    ],
)
def test_json_lines_give_metrics(text: str, value: float) -> None:
    assert read_metrics(printed(text), measure())["wait"].value == value


def test_units_come_from_the_line_or_the_task() -> None:
    found = read_metrics(printed('{"metric": "wait", "value": 3, "unit": "s"}\n{"peak_mb": 4}'), measure())
    assert (found["wait"].unit, found["peak_mb"].unit) == ("s", "")
    assert read_metrics(printed('{"wait": 3}'), measure())["wait"].unit == "min"


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("", {}, "no_metric"),
        (" \n", {}, "no_metric"),
        ("took 3 s\n", {}, "text"),
        ('{"wait": NaN}', {}, "not_finite"),
        ('{"wait": Infinity}', {}, "not_finite"),
        ('{"metric": "wait", "value": "fast"}', {}, "text"),
        ('{"wait": 1}\n{"wait": 2}', {}, "two_numbers"),
        ('{"other": 1}', {}, "no_metric"),
        ('{"metric": "wait", "value": null}', {}, "not_finite"),
        ("[1, 2]", {}, "text"),
        ("wait 3\nwait 4", {"read": "pattern", "pattern": r"wait (\S+)"}, "two_numbers"),
        ("none", {"read": "pattern", "pattern": r"wait (\S+)"}, "no_metric"),
        ("wait nan", {"read": "pattern", "pattern": r"wait (\S+)"}, "not_finite"),
        ("wait soon", {"read": "pattern", "pattern": r"wait (\S+)"}, "text"),
    ],
)
def test_each_bad_measure_is_named_with_its_mend(text: str, more: dict[str, str], reason: str) -> None:
    with pytest.raises(BadMeasure) as raised:
        read_metrics(printed(text), measure(**more))
    assert raised.value.reason == reason
    assert raised.value.mend


def test_a_pattern_finds_the_number() -> None:
    asked = measure(read="pattern", pattern=r"^wait: ([-\d.e]+)")
    assert read_metrics(printed("a\nwait: 2.5e-1 min\n"), asked)["wait"].value == 0.25


def test_an_exit_code_is_a_number_where_it_is_read_as_one() -> None:
    assert read_metrics(printed("", code=7), measure(read="exit"))["wait"].value == 7.0


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read_metrics(printed(text), measure())
    except BadMeasure:
        return
    assert "wait" in found


def test_what_is_to_be_ignored_is_no_part_of_an_answer() -> None:
    asked = Measure(kind="time", command="x", metric="cpu_s", ignore=(r"^took .*$", r"\d+ ms"), answers=("out.txt",))
    said = answer_of(printed("took 3\nsum 4 in 55 ms\n", outputs={"out.txt": b"9 ms\n"}), asked)
    assert said == {"standard output": "\nsum 4 in \n", "out.txt": "\n"}


@pytest.mark.parametrize(
    ("left", "right", "tolerance", "is_same"),
    [
        ("sum 1.0", "sum 1.0", 0.0, True),
        ("sum 1.0", "sum 1.00", 0.0, False),
        ("sum 1.0 of 3", "sum 1.0000001 of 3", 1e-6, True),
        ("sum 1.0 of 3", "sum 1.1 of 3", 1e-6, False),
        ("sum 1.0", "total 1.0", 1e-6, False),
        ("a\nb", "a", 1e-6, False),
        ("a", "a\n", 0.0, False),
        ("x nan", "x 1.0", 0.5, False),
        ("x inf", "x inf", 0.0, True),
        ("x 0", "x 1e-300", 0.5, False),
    ],
)
def test_answers_are_equal_but_for_numbers_within_the_tolerance(
    left: str, right: str, tolerance: float, is_same: bool
) -> None:
    assert (first_difference({"out": left}, {"out": right}, tolerance) == "") is is_same


def test_a_file_that_was_not_written_is_a_difference() -> None:
    assert first_difference({"out": "a", "f": ""}, {"out": "a"}, 0.0) == "f was not written"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5), st.text(max_size=8))
def test_every_answer_is_like_itself(numbers: list[float], word: str) -> None:
    text = word + " ".join(map(repr, numbers))
    assert first_difference({"o": text}, {"o": text}, 0.0) == ""
    assert first_difference({"o": text}, {"o": text + "!"}, 0.01) != ""
