"""Questions: defaults by Enter, answers given beforehand, and never a prompt without a terminal."""

from __future__ import annotations

import io
import os
import pty
import sys
from collections.abc import Iterator

import pytest

from nightforge.cli.asking import Declined, ask, ask_prices, read_answers, read_line
from nightforge.domain.plan import ModelSpec, Question
from nightforge.errors import UserError
from workflows.answers import typed_answer

DTYPE = Question(name="dtype", text="Which type?", default="float32", choices=("float32", "float64"))
ROWS = Question(name="rows", text="How many rows?", default=8)
SURE = Question(name="sure", text="Sure?", default=False)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A real terminal as stdin; what is written to the descriptor is typed."""
    keyboard, screen = pty.openpty()
    with open(screen, encoding="utf-8", closefd=False) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield keyboard
    os.close(keyboard)
    os.close(screen)


def test_enter_takes_the_default(terminal: int) -> None:
    os.write(terminal, b"\n")
    assert ask(DTYPE, given={}, yes=False) == "float32"


def test_a_typed_answer_has_the_type_of_the_default(terminal: int) -> None:
    os.write(terminal, b"16\n")
    assert ask(ROWS, given={}, yes=False) == 16


def test_a_wrong_answer_is_asked_again(terminal: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(terminal, b"int8\nfloat64\n")
    assert ask(DTYPE, given={}, yes=False) == "float64"
    assert "one of: float32, float64" in capsys.readouterr().err


@pytest.mark.parametrize("question", [DTYPE, ROWS], ids=["choices", "a number"])
def test_a_no_leaves_where_no_is_no_answer(terminal: int, question: Question) -> None:
    os.write(terminal, b"n\n")
    with pytest.raises(Declined):
        ask(question, given={}, yes=False)


def test_a_no_is_an_answer_where_it_can_be_one(terminal: int) -> None:
    os.write(terminal, b"n\n")
    assert ask(SURE, given={}, yes=False) is False


def test_the_end_of_input_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(KeyboardInterrupt):
        read_line("? ")


def test_yes_takes_the_default_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert ask(DTYPE, given={}, yes=True) == "float32"


def test_without_a_terminal_the_flag_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(UserError) as caught:
        ask(DTYPE, given={}, yes=False)
    assert (caught.value.exit_code, caught.value.where) == (2, "dtype")
    assert "--yes" in caught.value.hint
    assert "--answer dtype=VALUE" in caught.value.hint


def test_an_answer_given_beforehand_wins_over_yes() -> None:
    assert ask(DTYPE, given=read_answers(["dtype=float64"]), yes=True) == "float64"


@pytest.mark.parametrize(("question", "text"), [(DTYPE, "int8"), (ROWS, "many"), (SURE, "perhaps")])
def test_an_impossible_answer_is_a_usage_error(question: Question, text: str) -> None:
    with pytest.raises(UserError) as caught:
        typed_answer(question, text)
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_yes_and_no_in_words() -> None:
    assert [typed_answer(SURE, word) for word in ("y", "Yes", "n", "FALSE")] == [True, True, False, False]


@pytest.mark.parametrize("text", ["dtype", "=x", ""])
def test_what_is_no_answer(text: str) -> None:
    with pytest.raises(UserError, match="is no answer"):
        read_answers([text])


def test_only_a_price_that_nobody_knows_is_asked_for(terminal: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(terminal, b"dear\n-1\n0.5\n$2\n")
    known = ModelSpec(model="gpt-4.1")
    (same, asked) = ask_prices([known, ModelSpec(model="mine", base_url="http://127.0.0.1:8000/v1")])
    assert same == known
    assert (asked.input_usd_per_mtok, asked.output_usd_per_mtok) == (0.5, 2.0)
    assert "a number of dollars" in capsys.readouterr().err


def test_an_empty_line_leaves_the_price_open(terminal: int) -> None:
    os.write(terminal, b"\n")
    model = ModelSpec(model="mine")
    assert ask_prices([model]) == (model,)
