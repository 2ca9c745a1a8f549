"""What reaches a terminal, and what a pipe."""

from __future__ import annotations

import io
import json
import sys

import pytest
from rich.table import Table

from nightforge.cli.output import Output
from nightforge.cli.words import columns, folded

NASTY = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\x9d0;x\x9c\x00 plain\ttext"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal_for(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """To be called in the test itself: pytest sets the streams anew after the fixtures."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.mark.parametrize("way", ["text", "note", "alert"])
def test_nothing_steers_a_terminal(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    terminal = terminal_for(monkeypatch)
    getattr(Output(), way)(NASTY)
    assert terminal.getvalue() == "·gnp.exe·0;x·· plain\ttext\n"


def test_json_at_a_terminal_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_for(monkeypatch)
    Output(json=True).record({"kind": "x", "source": NASTY})
    shown = terminal.getvalue()
    assert shown.isascii()
    assert not [char for char in shown[:-1] if ord(char) < 32]
    assert json.loads(shown)["source"] == NASTY


def test_a_pipe_gets_the_bytes_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    Output().text(NASTY)
    assert capsys.readouterr().out == NASTY + "\n"


def test_tables_end_without_blanks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def print_table() -> None:
        table = Table(box=None, show_header=False, pad_edge=False)
        for row in (("a", "a long cell at the end"), ("b", "short")):
            table.add_row(*row, style="bold")
        Output().console().print(table)

    print_table()
    assert capsys.readouterr().out.splitlines() == ["a  a long cell at the end", "b  short"]
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = terminal_for(monkeypatch)
    print_table()
    assert "short" in terminal.getvalue()
    assert not any(line.endswith((" ", " \x1b[0m")) for line in terminal.getvalue().splitlines())


ROWS = [("id", "cost", "started", "goal"), ("abcd", "$0.00", "2026-03-04T05:06", "find the two numbers on the hill")]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (None, "abcd  $0.00  2026-03-04T05:06  find the two numbers on the hill"),
        (63, "abcd  $0.00  2026-03-04T05:06  find the two numbers on the hill"),
        (50, "abcd  $0.00  2026-03-04T05:06  find the two numbe…"),
        (40, "abcd  $0.00  find the two numbers on th…"),
        (28, "abcd  find the two numbers…"),
        (20, "abcd"),
    ],
)
def test_columns_keep_to_the_terminal(width: int | None, line: str) -> None:
    text = columns(ROWS, right=frozenset({1}), width=width, minor=(2, 1))
    assert text.splitlines()[1] == line
    assert width is None or all(len(one) <= width for one in text.splitlines())


def test_long_lines_are_folded_under_their_values() -> None:
    assert folded("  goal   one two three four five six", 26, 9) == "  goal   one two three\n         four five six"
    assert folded("  goal   one two", None, 9) == "  goal   one two"
