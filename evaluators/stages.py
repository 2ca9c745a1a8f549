"""The stages that a task names, held to those that its evaluator has."""

from __future__ import annotations

from collections.abc import Collection

from nightforge.domain.task import Task
from nightforge.errors import UserError


def require_stages(task: Task, known: Collection[str]) -> None:
    """UserError for a stage that is not among `known`, which are shown in their order."""
    for stage in task.stages:
        if stage.name not in known:
            raise UserError(
                f"stages: {stage.name!r} is unknown",
                where=str(task.root / "task.toml"),
                hint=f"known: {', '.join(known)}",
            )
