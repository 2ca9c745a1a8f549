"""Tasks made of the peers' folders of these tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from evaluators.foreign.detect import detect
from evaluators.foreign.evaluator import ForeignEvaluator
from evaluators.foreign.interpreter import SYSTEM
from evaluators.foreign.task_folder import make_task
from nightforge.catalogue import load_task
from nightforge.domain.task import Task

PEERS = Path(__file__).parent / "peer_folders"
MakeTask = Callable[[str], Awaitable[Task]]


async def task_of(evaluator: ForeignEvaluator, name: str, below: Path) -> Task:
    """Runs the folder's own program once, in the box."""
    found = detect(PEERS / name)
    assert found is not None
    return load_task((await make_task(evaluator, found, SYSTEM, below)).folder)
