"""The real program in a process of its own, with the toy domain beside it and a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = str(Path(sys.executable).with_name("nightforge"))
GOAL = "climb the hill to its peak"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Program:
    home: Path
    more: Mapping[str, str]
    prefix: tuple[str, ...] = ()
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTFORGE", "OPENAI"))}
        paths = {"PYTHONPATH": str(ROOT / "tests" / "toy_domain"), "NIGHTFORGE_HOME": str(self.home), "COLUMNS": "120"}
        return {**kept, **paths, **self.more}

    def with_environment(self, **more: str) -> Program:
        return replace(self, more={**self.more, **more})

    def behind(self, *prefix: str) -> Program:
        """The program as the last argument of another one."""
        return replace(self, prefix=prefix)

    def start(self, *arguments: str, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
        self.home.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            [*self.prefix, PROGRAM, *arguments],
            cwd=self.home.parent,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """A test that failed half-way leaves nothing running beside the next one, and no pipe open."""
        for process in self.started:
            process.kill()
            with process:
                pass

    def run(self, *arguments: str) -> Ended:
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        return Ended(process.returncode, out, err)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    opened = Program(tmp_path / "home", {})
    yield opened
    opened.close()


@dataclass(frozen=True)
class Finished:
    program: Program
    ended: Ended
    campaign_id: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    """One campaign of the toy domain, run to its end; read by many tests, changed by none."""
    program = Program(tmp_path_factory.mktemp("finished") / "home", {})
    ended = program.run("run", GOAL, "--task", "toy-peak", "--evaluations", "10", "--yes", "--json")
    assert ended.code == 0, ended.err
    yield Finished(program, ended, str(ended.records[0]["campaign_id"]))
    program.close()
