"""What reaches a terminal, and what a pipe."""

from __future__ import annotations

import io
import json
import sys

import pytest

from nightforge.cli.output import Output

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
