"""Does the user's tree still look as it did when the task was made, and will a patch fit it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluators.own.spec import OwnSettings, read_evolvable, tree_of
from evaluators.own.tree import Snapshot
from nightforge.domain.bundle import Bundle, without_own_markers
from nightforge.domain.integrity import Remark
from nightforge.domain.task import Task
from nightforge.errors import PrerequisiteMissing, SandboxFault
from sandbox.platform import find_tool, run_tool

GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
"""A repository's own configuration must start nothing."""
_GIT_S = 30.0


def tree_remarks(task: Task, settings: OwnSettings, seed: Bundle, snapshot: Snapshot) -> Iterator[Remark]:
    root = tree_of(task, settings)
    mib = len(snapshot.packed) / 2**20
    yield Remark(topic="tree", level="ok", said=f"{snapshot.files} files, {mib:.1f} MiB, beside the evolvable ones")
    if snapshot.links:
        said = f"left out, for they lead out of the tree: {', '.join(snapshot.links[:5])}"
        yield Remark(topic="links", level="note", said=said, mend="give what they lead to as settings.mounts")
    changed = [
        path for path in settings.evolve if read_evolvable(root, path) != without_own_markers(seed.files.get(path, ""))
    ]
    if changed:
        said = f"changed since the task was made: {', '.join(changed)}; candidates start from the older text"
        yield Remark(
            topic="tree", level="bad", said=said, mend="make the task again: `nightforge task init DIR --force`"
        )
    dirty = uncommitted(root, settings.evolve)
    if dirty:
        said = f"not committed: {', '.join(dirty)}; a patch fits the files as they are now, not the last commit"
        yield Remark(topic="a dirty tree", level="note", said=said, mend="commit, then make the task again")


def uncommitted(root: Path, paths: Sequence[str]) -> list[str]:
    """Of `paths`, those that git knows to differ from the last commit; none without git or a repository."""
    if find_tool("git") is None:
        return []
    safe = ("-c", f"safe.directory={root}", "-c", "safe.directory=*")
    command = [*GIT, *safe, "status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules", "--", *paths]
    try:
        result = run_tool(command, timeout_s=_GIT_S, cwd=root)
    except (SandboxFault, PrerequisiteMissing):
        return []
    if not result.ok:
        return []
    rows = result.stdout.decode(errors="replace").split("\0")
    return [row[3:] for row in rows if len(row) > 3]
