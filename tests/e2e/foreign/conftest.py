"""The real program on peers' folders, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("nightforge"))


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Nightforge = Callable[..., Said]


@pytest.fixture
def nightforge(tmp_path: Path) -> Nightforge:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("NIGHTFORGE", "OPENAI", "VIRTUAL"))
    }
    environment = {**kept, "NIGHTFORGE_HOME": str(tmp_path / "home"), "COLUMNS": "160"}

    def run(*arguments: str) -> Said:
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return run
