"""Programs outside /usr: found where the person has them, mounted read-only, or said with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.own.toolchains import needed, programs_of, unseen
from nightforge.cli.task_init import Said, new_task
from nightforge.errors import UserError


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("make -s", ["make"]),
        ("cmake -S . -B build && cmake --build build", ["cmake", "cmake"]),
        ("CC=gcc A=1 make; ./bench 3 | grep -q sum", ["make", "grep"]),
        ("if make test; then true; fi", ["make", "true", "fi"]),
        ("(cd build; ninja) || exit 1", ["cd", "ninja", "exit"]),
        ("echo 'not; a command'", ["echo"]),
        ("echo 'open", ["echo"]),
        ("./bench/bench {seed}", []),
    ],
)
def test_the_programs_of_a_line(command: str, names: list[str]) -> None:
    assert list(programs_of(command)) == names


def a_program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / name
    place.write_text("#!/bin/sh\necho 1.0\n")
    place.chmod(0o755)
    return place


@pytest.fixture
def readable(tmp_path: Path) -> Path:
    """As /opt is: pytest's own folders are closed to others."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


def test_a_toolchain_elsewhere_becomes_a_mount_whose_programs_come_first(
    readable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(readable / "opt" / "lang" / "bin", "nflang")
    monkeypatch.setenv("PATH", f"{readable / 'opt' / 'lang' / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(readable / "home"))
    found = needed(["nflang build && make"], tree=readable / "tree")
    assert found.mounts == {".toolchain/lang": str(readable / "opt" / "lang")}
    assert found.path == [".toolchain/lang/bin"]
    given = needed(["nflang build"], given=[readable / "opt" / "lang" / "bin"], tree=readable / "tree")
    assert (given.mounts, given.said) == ({}, [])


def test_a_program_in_a_home_is_not_mounted_with_all_that_lies_beside_it(
    readable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(readable / "home" / ".local" / "bin", "nflang")
    monkeypatch.setenv("HOME", str(readable / "home"))
    monkeypatch.setenv("PATH", f"{readable / 'home' / '.local' / 'bin'}:/usr/bin:/bin")
    found = needed(["nflang build"], tree=readable / "tree")
    assert found.mounts == {}
    assert "--mount .toolchain/nflang=FOLDER --path .toolchain/nflang/bin" in found.said[0]


def test_programs_of_the_tree_and_of_nowhere_need_nothing(readable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(readable / "tree" / "bin", "nflang")
    monkeypatch.setenv("PATH", f"{readable / 'tree' / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(readable / "home"))
    found = needed(["nflang x; nf-nowhere y"], tree=readable / "tree")
    assert (found.mounts, found.said) == ({}, [])


def test_python_is_asked_for_as_an_environment() -> None:
    assert "`python -m pytest`" in unseen("pytest", None)
    assert "--force" in unseen("cargo", Path("/opt/cargo/bin/cargo"))
    assert "python3" in unseen("python", Path("/opt/pyenv/shims/python"))


def test_a_mount_that_is_not_there_is_refused_when_the_task_is_made(readable: Path) -> None:
    (readable / "work.c").write_text("int work;\n")
    said = Said(evolve=["work.c"], time="./b {seed}", mount=["data=/nowhere/at/all"])
    with pytest.raises(UserError, match="is not there") as raised:
        new_task(said, readable, readable / "nightforge")
    assert raised.value.where == "--mount data"
