"""Task folders: found through entry points or given by path, parsed, validated, named on error."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from pydantic import ValidationError

from nightforge.domain.task import Task
from nightforge.errors import NotFound, UserError
from nightforge.registry import TASKS, registered

TASK_FILE = "task.toml"


def load_task(folder: Path) -> Task:
    """Parse `folder/task.toml`; a UserError names the file, the line or the field, and the mend."""
    path = folder / TASK_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            f"no {TASK_FILE} there", where=str(folder), hint="a task is a folder with task.toml and a seed"
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(str(error), where=str(path), hint="mend the TOML at the line named") from error
    task = _parse(text, folder)
    for name in (task.seed, task.brief, *(known.path for known in task.rehearsal)):
        if not (folder / name).is_file():
            raise UserError(f"names {name!r}, which is not a file in the folder", where=str(path))
    return task


@lru_cache(maxsize=256)
def _parse(text: str, folder: Path) -> Task:
    """Kept by its text: a page looks for one task among all that are shipped, again and again."""
    path = folder / TASK_FILE
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(str(error), where=str(path), hint="mend the TOML at the line named") from error
    try:
        return Task.model_validate({**document, "root": folder})
    except ValidationError as error:
        raise UserError(describe_validation(error), where=str(path), hint="see docs/tasks.md for the fields") from error


def describe_validation(error: ValidationError) -> str:
    """One line per bad field: where it is, what is wrong."""
    lines = []
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"]) or "(whole document)"
        lines.append(f"{field}: {problem['msg']}")
    return "; ".join(lines)


def shipped_tasks() -> Sequence[Task]:
    """All tasks of all installed packages, by name; a name claimed twice is an error."""
    found: dict[str, Task] = {}
    for point in registered(TASKS).values():
        for root in import_module(point.value).__path__:
            for path in sorted(Path(root).glob(f"*/{TASK_FILE}")):
                task = load_task(path.parent)
                if task.name in found:
                    raise UserError(
                        f"task {task.name!r} is in two places", where=f"{found[task.name].root} and {task.root}"
                    )
                found[task.name] = task
    return tuple(found[name] for name in sorted(found))


def find_task(name: str) -> Task:
    """By shipped name, or by the path of a folder (anything with a slash or a dot)."""
    if "/" in name or name.startswith("."):
        return load_task(Path(name).expanduser().resolve())
    for task in shipped_tasks():
        if task.name == name:
            return task
    known = ", ".join(task.name for task in shipped_tasks()) or "none"
    raise NotFound(f"no task {name!r}", hint=f"there is: {known}; a folder is named by its path, as ./{name}")
