"""Small trees of a user's own, and tasks made of them as `task init` makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from evaluators.own.new_task import NewTask, write_task
from evaluators.own.spec import OwnSettings
from nightforge.catalogue import load_task
from nightforge.domain.task import Task

MakeTask = Callable[..., Task]

SUMS = {
    "lib.py": "def total(n):\n    s = 0\n    for i in range(n):\n        s += i * i\n    return s\n",
    "bench.py": "import sys\nimport lib\nn = 20000 + int(sys.argv[1]) % 1000\nprint(n, lib.total(n))\n",
    "tests.py": "import lib\nassert lib.total(4) == 14\nprint('fine')\n",
}
"""A Python program with a check and a timed command."""


@pytest.fixture
def make_task(tmp_path: Path) -> MakeTask:
    """`make_task(files, measure={...}, evolve=(...), **settings)`: a tree below tmp_path with its task folder."""

    def make(
        files: Mapping[str, str],
        *,
        measure: Mapping[str, object],
        evolve: tuple[str, ...] = ("lib.py",),
        wall_s: Mapping[str, float] | None = None,
        blocks: Mapping[str, tuple[int, int]] | None = None,
        **settings: object,
    ) -> Task:
        tree = tmp_path / "tree"
        for name, text in files.items():
            place = tree / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        given = {"tree": "..", "evolve": evolve, "measure": measure, "seeds": 3, "hidden_seeds": 3, **settings}
        made = NewTask(
            tree=tree,
            folder=tree / "nightforge",
            name="own-small",
            goal="make it better",
            settings=OwnSettings.model_validate(given),
            wall_s={"build": 60.0, "check": 60.0, "measure": 60.0, **(wall_s or {})},
            blocks=blocks or {},
        )
        return load_task(write_task(made))

    return make


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeds of a task are kept below the home: a test has its own."""
    monkeypatch.setenv("NIGHTFORGE_HOME", str(tmp_path / "home"))
