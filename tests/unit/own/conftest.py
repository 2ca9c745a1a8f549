"""Tasks of a user's own code in a folder of the test, and a home of its own: seeds of tasks are kept there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from own_trees import MakeTask, make_own_task


@pytest.fixture
def make_task(tmp_path: Path) -> MakeTask:
    return partial(make_own_task, tmp_path)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leases of its own: these tests measure nothing that another campaign of the machine could disturb."""
    monkeypatch.setenv("NIGHTFORGE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tools.slots.default_folder", lambda: tmp_path / "slots")
