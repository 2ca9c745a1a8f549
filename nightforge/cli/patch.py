"""`nightforge export --patch`: does the patch apply to the user's tree as it is now? Nothing is written there."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nightforge.cli.output import Output
from nightforge.errors import UserError

if TYPE_CHECKING:
    from nightforge.domain.task import Task

_GIT_S = 60.0


def own_patch(task: Task, files: Mapping[str, bytes]) -> bytes | None:
    """The patch that the evaluator made for the user's tree; None where the task is none of the user's own code."""
    from evaluators.own.evaluator import PATCH_FILE
    from evaluators.own.spec import is_own

    return files.get(PATCH_FILE) if is_own(task.root) else None


def check_patch(output: Output, task: Task, patch: bytes, place: Path) -> None:
    """UserError where the patch at `place` does not apply to the tree that the task was made of."""
    from evaluators.own.evaluator import git_top
    from evaluators.own.spec import read_settings, tree_of
    from sandbox.platform import find_tool

    top, _ = git_top(tree_of(task, read_settings(task)))
    if find_tool("git") is None:
        output.note(f"git is not installed: not tried; apply it in {top} with `patch -p1 < {place}`")
        return
    wrong = refused_by_git(patch, top)
    if wrong:
        raise UserError(
            f"the patch does not apply to the tree as it is now: {wrong}",
            where=str(place),
            hint="the files have changed since the task was made: apply it to that state, or make the task again",
        )
    output.note(f"it applies: cd {top} && git apply {place.absolute()}")


def refused_by_git(patch: bytes, top: Path) -> str:
    """What `git apply --check` has against it in the folder `top`; empty where it applies."""
    from evaluators.own.drift import GIT
    from sandbox.platform import run_tool

    with tempfile.NamedTemporaryFile(suffix=".patch") as file:
        file.write(patch)
        file.flush()
        # Without a repository of its own the folder is not to be taken for a part of one further up.
        environment = {"GIT_CEILING_DIRECTORIES": str(top.parent), "GIT_CONFIG_NOSYSTEM": "1"}
        command = [*GIT, "-c", "safe.directory=*", "apply", "--check", "--whitespace=nowarn", file.name]
        result = run_tool(command, timeout_s=_GIT_S, cwd=top, environment=environment)
    return "" if result.ok else result.stderr.decode(errors="replace").strip()[:500]
