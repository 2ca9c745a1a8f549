"""Peers' folders as tasks, with the real box."""

from __future__ import annotations

import pytest
from peer_tasks import MakeTask, task_of

from evaluators.foreign.evaluator import ForeignEvaluator
from nightforge.domain.task import Task
from sandbox import open_sandbox


@pytest.fixture(scope="session")
def foreign() -> ForeignEvaluator:
    return ForeignEvaluator(open_sandbox())


@pytest.fixture(scope="session")
def peer_task(foreign: ForeignEvaluator, tmp_path_factory: pytest.TempPathFactory) -> MakeTask:
    """The task made of one of the test folders; each is made once."""
    below, made = tmp_path_factory.mktemp("tasks"), dict[str, Task]()

    async def make(name: str) -> Task:
        if name not in made:
            made[name] = await task_of(foreign, name, below)
        return made[name]

    return make
