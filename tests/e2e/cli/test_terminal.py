"""At a terminal: Enter starts, n leaves, Ctrl-C leaves at once, and the live line is one line."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

pytestmark = pytest.mark.box
RUN = ("run", "climb the hill to its peak", "--task", "toy-peak", "--evaluations", "6")
NIGHT = (*RUN[:-1], "100")
"""Long enough that a machine at work does not end it before the key is pressed."""


class Ended(Protocol):
    out: str


class Program(Protocol):
    home: Path

    @property
    def environment(self) -> Mapping[str, str]: ...
    def with_environment(self, **more: str) -> Program: ...
    def run(self, *arguments: str) -> Ended: ...


class Finished(Protocol):
    program: Program
    campaign_id: str


class Session:
    """The program with a terminal of its own for all three streams."""

    def __init__(self, program: Program, *arguments: str) -> None:
        self.keyboard, screen = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("nightforge")), *arguments],
            cwd=program.home.parent,
            env={**program.environment, "TERM": "xterm-256color", "TOY_SECONDS": "0.2"},
            stdin=screen,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(screen)

    def wait_for(self, words: str, timeout_s: float = 60) -> None:
        deadline = time.monotonic() + timeout_s
        while words not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if not self._read():
                break
        assert words in self.shown, self.shown

    def type(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def end(self) -> int:
        while self._read():
            pass
        return self.process.wait(timeout=60)

    def _read(self) -> bool:
        if not select.select([self.keyboard], [], [], 60)[0]:
            return False
        try:
            data = os.read(self.keyboard, 65536)
        except OSError:
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.keyboard)


def _take_terminal() -> None:
    """Make the new session's terminal its controlling one, so that Ctrl-C becomes SIGINT."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def session(program: Program) -> Iterator[Session]:
    opened = Session(program, *RUN)
    yield opened
    opened.close()


def begin_night(program: Program) -> Session:
    """A campaign that was started by a key and has its first result."""
    session = Session(program, *NIGHT)
    session.wait_for("Enter starts")
    session.type(b"\n")
    session.wait_for("best is .0")
    return session


@pytest.fixture
def night(program: Program) -> Iterator[Session]:
    begun = begin_night(program)
    yield begun
    begun.close()


def test_enter_starts(session: Session) -> None:
    session.wait_for("Enter starts")
    session.type(b"\n")
    assert session.end() == 0, session.shown
    assert "▲ confirmed" in session.shown
    assert "Report: " in session.shown
    assert "evaluated (" in session.shown


def test_n_leaves_without_spending(session: Session) -> None:
    session.wait_for("Enter starts")
    session.type(b"n\n")
    assert session.end() == 0
    assert "not started; nothing was spent" in session.shown


def test_ctrl_c_at_the_question_leaves_at_once(session: Session) -> None:
    session.wait_for("Enter starts")
    session.type(b"\x03")
    assert session.end() == 130
    assert "Traceback" not in session.shown


def test_ctrl_c_in_the_night_drains(night: Session) -> None:
    night.type(b"\x03")
    assert night.end() == 130
    assert "nightforge resume" in night.shown


def test_ctrl_c_twice_stops_now(night: Session) -> None:
    night.type(b"\x03")
    night.wait_for("draining")
    night.type(b"\x03")
    assert night.end() == 130
    assert "nightforge resume" in night.shown
    assert "Traceback" not in night.shown


def test_n_at_a_question_leaves_and_nothing_is_there(program: Program) -> None:
    session = Session(program, "run", "softmax with 8 threads")
    session.wait_for("n leaves")
    session.type(b"n\n")
    assert session.end() == 0
    assert "not started; nothing was spent" in session.shown
    session.close()
    assert program.run("list", "--json").out == ""


def test_a_terminal_that_is_closed_drains_and_saves(program: Program) -> None:
    session = begin_night(program)
    os.close(session.keyboard)
    session.process.wait(timeout=60)
    record = json.loads(program.run("list", "--json").out)
    assert (record["state"], record["reason"]) == ("paused", "interrupted")
    assert (program.home / "reports" / f"{record['campaign_id']}.md").exists()


def test_show_and_list_keep_to_the_terminal(finished: Finished) -> None:
    program = finished.program.with_environment(COLUMNS="80")
    for words in (("list",), ("show", finished.campaign_id), ("show", f"{finished.campaign_id}.1")):
        session = Session(program, *words)
        try:
            session.end()
        finally:
            session.close()
        lines = session.shown.splitlines()
        assert any(finished.campaign_id in line for line in lines)
        assert max(map(len, lines)) <= 80, session.shown


def test_top_draws_the_facts_and_leaves_when_nothing_more_happens(finished: Finished) -> None:
    session = Session(finished.program, "top", finished.campaign_id)
    try:
        assert session.end() == 0, session.shown
    finally:
        session.close()
    assert "\x1b[" in session.shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", session.shown)
    total = len(re.findall(r"^candidates +\d+: \d+ confirmed, \d+ failed, \d+ suspicious", plain, re.MULTILINE))
    assert total >= 1, plain
    for label in ("best", "course", "work", "spent"):
        assert re.search(rf"^{label} ", plain, re.MULTILINE), label
