"""A path on the command line becomes a task folder: it is one, has one inside, or was made for another engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nightforge.catalogue import TASK_FILE, load_task
from nightforge.cli.output import Output
from nightforge.domain.words import EvidenceClass, SandboxChoice
from nightforge.errors import NotFound, UserError

OWN = "nightforge"
"""Inside a tree of a person's own: where `task init` puts the task."""
TASKS = "tasks"
"""Below the home: tasks made from designs and folders."""


def looks_like_a_path(text: str) -> bool:
    """A goal is words; a path has a slash or begins with a dot, and is there. One with blanks begins as a path does."""
    is_spelled = text.startswith(("/", ".", "~")) or ("/" in text and " " not in text.strip())
    try:
        return is_spelled and Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # too long for a name, no such user, a null byte
        return False


def task_named(
    output: Output,
    name: str,
    *,
    python: str | None = None,
    sandbox: SandboxChoice | None = None,
    unsafe_local: bool = False,
) -> str:
    """A shipped task's name as it is; a path as `task_at` has it."""
    if not looks_like_a_path(name):
        if python is not None:
            raise UserError("goes with a folder of yours", where="--python", hint="name the folder by its path")
        return name
    return task_at(output, name, python=python, sandbox=sandbox, unsafe_local=unsafe_local)


def goal_and_task(
    output: Output,
    goal: str,
    task: str | None,
    *,
    python: str | None = None,
    sandbox: SandboxChoice | None = None,
    unsafe_local: bool = False,
) -> tuple[str, str | None]:
    """`run PATH` and `run GOAL --task PATH`: the goal in words, and the task's folder or name."""
    is_plan = goal.endswith((".toml", ".json"))
    if goal.startswith(("/", "./", "../", "~/")) and " " not in goal and not (is_plan or looks_like_a_path(goal)):
        raise NotFound("there is nothing at this path", where=goal, hint="a goal in words begins otherwise")
    if looks_like_a_path(goal) and not is_plan:
        if task is not None:
            raise UserError("the folder is its own task", where="--task", hint="leave --task away, or say the goal")
        folder = task_at(output, goal, python=python, sandbox=sandbox, unsafe_local=unsafe_local)
        return load_task(Path(folder)).goal, folder
    if task is not None:
        task = task_named(output, task, python=python, sandbox=sandbox, unsafe_local=unsafe_local)
    elif python is not None:
        raise UserError("goes with a folder of yours", where="--python", hint="name the folder: nightforge run PATH")
    return goal, task


def task_at(
    output: Output,
    path: str,
    *,
    python: str | None = None,
    sandbox: SandboxChoice | None = None,
    unsafe_local: bool = False,
) -> str:
    """The path of the task's folder for `path`; says what was found. UserError where nothing of the kind is there."""
    folder = Path(path).expanduser().resolve()
    for place in (folder, folder / OWN):
        if (place / TASK_FILE).is_file():
            return str(place)
    from evaluators.foreign.detect import detect

    found = detect(folder)
    if found is None:
        raise UserError(
            "holds no task.toml and follows no contract of another engine",
            where=str(folder),
            hint=f"make a task of your own code with `nightforge task init {path}`, or see docs/foreign-tasks.md",
        )
    from evaluators.foreign.evaluator import ForeignEvaluator
    from evaluators.foreign.interpreter import default_python
    from evaluators.foreign.task_folder import make_task
    from nightforge.cli.reading import open_box, resolve_settings

    settings = resolve_settings({"sandbox": sandbox, "unsafe_local": unsafe_local or None}).settings
    box = open_box(settings)
    chosen = python or default_python(found.folder)
    output.note("\n  ".join([f"{folder}:", *found.describe()]))
    output.note(f"its evaluator is run by {chosen}; its own program goes first ...")
    made = asyncio.run(make_task(ForeignEvaluator(box), found, chosen, settings.home / TASKS))
    for note in made.notes:
        output.note(f"  {note}")
    output.note(f"its number is {EvidenceClass.FOREIGN.value}: {EvidenceClass.FOREIGN.meaning}; task {made.folder}")
    return str(made.folder)
