"""One program through a peer's evaluator, all of it in the box."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import evaluators.foreign
from evaluators.foreign.contract import ForeignSettings, folder_of
from evaluators.foreign.interpreter import Interpreter
from evaluators.foreign.reply import Reply, read_reply
from nightforge.domain.limits import MIB, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.errors import UserError
from sandbox import runners

WORKER = Path(next(iter(runners.__path__))) / "foreign_worker.py"
SHIMS = Path(next(iter(evaluators.foreign.__path__))) / "shims"
MOST_CARRIED = 4 * MIB
"""A folder up to this size travels by its contents; a larger one is mounted, which needs rights to read it."""
MOST_COPIED = 64 * MIB
"""Up to here the evaluator may write beside itself, in a copy that lives as long as one evaluation."""
_START_S = 150.0
"""For the start of an interpreter and the evaluator's imports, on a busy machine."""
LEFT_OUT = frozenset({"__pycache__", ".git", ".venv", "venv", "node_modules", ".mypy_cache", ".pytest_cache"})


@cache
def shim_files() -> Mapping[str, bytes]:
    return {f"shims/{path.relative_to(SHIMS)}": path.read_bytes() for path in sorted(SHIMS.rglob("*.py"))}


def files_of(folder: Path) -> Iterator[Path]:
    """Regular files below a folder, without links and without what tools leave behind."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(names):
            path = Path(place) / name
            if path.is_file() and not path.is_symlink() and path.suffix != ".pyc":
                yield path


async def run_evaluator(
    sandbox: Sandbox, task: Task, settings: ForeignSettings, interpreter: Interpreter, source: str
) -> Reply:
    """What the evaluator did. Raises CandidateFailed where the box ended it without an answer."""
    folder, size = folder_of(task, settings), 0
    files: dict[str, bytes | Path] = {**shim_files(), **interpreter.mounts, "worker.py": WORKER.read_bytes()}
    carried: dict[str, bytes | Path] = {}
    for path in files_of(folder):
        size += path.stat().st_size
        if size <= MOST_CARRIED:
            carried[f"folder/{path.relative_to(folder)}"] = _read(path)
    files |= carried if size <= MOST_CARRIED else {"folder": folder}
    program = f"program{settings.suffix}"
    files |= {program: source.encode(), "spec.json": json.dumps(_spec(settings, interpreter, size)).encode()}
    limits = limits_of(settings, size)
    result = await sandbox.run(
        [*interpreter.argv, "/job/worker.py", "/job/spec.json", "/job", "/box"], files=files, limits=limits
    )
    return read_reply(result)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path), hint="mend its rights") from error


def _spec(settings: ForeignSettings, interpreter: Interpreter, size: int) -> Mapping[str, object]:
    """What the runner is told; all paths are those of the box."""
    is_copied = size <= MOST_COPIED
    folder = "/box/task" if is_copied else "/job/folder"
    return {
        "contract": settings.contract.value,
        "copy_from": "/job/folder" if is_copied else "",
        "folder": folder,
        "evaluator": f"{folder}/{settings.evaluator}",
        "function": settings.function,
        "class": settings.class_name,
        "key": settings.candidate_key,
        "stages": list(settings.cascade),
        "thresholds": list(settings.thresholds),
        "stage_s": settings.stage_s,
        "source": f"/job/program{settings.suffix}",
        "program": f"/box/candidate/program{settings.suffix}",
        "results": "/box/results",
        "mark": "/box/forged",
        "packages": list(interpreter.packages),
        "shims": "/job/shims",
        "place": list(settings.place),
    }


def limits_of(settings: ForeignSettings, size: int) -> Limits:
    """The worker ends a stage that is late; these end a worker that does not."""
    wall_s = _START_S + settings.stage_s * len(settings.stages)
    cores = os.cpu_count() or 1
    memory = settings.memory_mb * MIB
    return Limits(
        wall_s=wall_s,
        cpu_s=int(wall_s * cores) + 1,
        memory_bytes=memory,
        processes=512,
        file_bytes=256 * MIB,
        writable_bytes=min(memory, 256 * MIB + 2 * size),
        writable_inodes=65536,
        output_bytes=4 * MIB,
        open_files=1024,
    )
