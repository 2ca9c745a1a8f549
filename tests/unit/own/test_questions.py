"""What no flag says is asked at a terminal: only what is lacking, with guesses from the tree."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightforge.cli.task_init import Said, new_task


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A real terminal as stdin; what is written to the descriptor is typed."""
    typed, screen = pty.openpty()
    with open(screen, encoding="utf-8", closefd=False) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield typed
    os.close(typed)
    os.close(screen)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text("all:\n\ttrue\n")
    (tmp_path / "work.c").write_text("int work(int x) { return x; }\n")
    return tmp_path


def test_enter_takes_what_the_tree_suggests(keyboard: int, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(keyboard, b"work.c\n\n\n\n./bench {seed}\n")
    said = Said()
    said.ask(tree)
    assert (said.evolve, said.build, said.check, said.time) == (["work.c"], "make", "make test", "./bench {seed}")
    assert said.is_enough
    asked = capsys.readouterr()
    assert (asked.out, asked.err.count("[make]"), asked.err.count("[make test]")) == ("", 1, 1)
    assert new_task(said, tree, tree / "nightforge").settings.build == "make"


def test_a_judge_is_asked_for_the_name_of_its_number(keyboard: int, tree: Path) -> None:
    os.write(keyboard, b"work.c\n\nnone\njudge\n./answer {seed}\npython judge.py\nquality\n")
    said = Said()
    said.ask(tree)
    assert (said.answer, said.judge, said.metric, said.time) == ("./answer {seed}", "python judge.py", "quality", None)
    assert (said.check, said.is_enough) == ("", True)


def test_a_way_that_does_not_exist_is_asked_again(keyboard: int, tree: Path) -> None:
    os.write(keyboard, b"work.c\n\n\nguess\nreport\n./bench {seed}\nspeed\n")
    said = Said()
    said.ask(tree)
    assert (said.report, said.metric) == ("./bench {seed}", "speed")


def test_what_a_flag_said_is_not_asked(keyboard: int, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(keyboard, b"work.c\n")
    said = Said(build="make all", check="make check", time="./bench {seed}")
    said.ask(tree)
    assert said.evolve == ["work.c"]
    assert capsys.readouterr().err.count("[") == 1
