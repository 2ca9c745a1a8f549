"""Small programs of a user's own, for tests of the evaluator `own`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from evaluators.own.new_task import NewTask, write_task
from evaluators.own.spec import OwnSettings
from nightforge.catalogue import load_task
from nightforge.domain.task import Task

MakeTask = Callable[..., Task]

SUMS = {
    "lib.py": "def total(n):\n    s = 0\n    for i in range(n):\n        s += i * i\n    return s\n",
    "bench.py": "import sys\nimport lib\nn = 600000 + int(sys.argv[1]) % 1000\nprint(n, lib.total(n))\n",
    "tests.py": "import lib\nassert lib.total(4) == 14\nprint('fine')\n",
}
"""A Python program with a check and a timed command."""
TIMED = {"kind": "time", "command": "python3 bench.py {seed}", "metric": "cpu_s", "unit": "s"}


def make_own_task(
    folder: Path,
    files: Mapping[str, str],
    *,
    measure: Mapping[str, object],
    evolve: tuple[str, ...] = ("lib.py",),
    wall_s: Mapping[str, float] | None = None,
    blocks: Mapping[str, tuple[int, int]] | None = None,
    **settings: object,
) -> Task:
    """A tree below `folder`, with its task folder as `task init` writes it; an earlier one is replaced."""
    tree = folder / "tree"
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
    return load_task(write_task(made, force=True))
