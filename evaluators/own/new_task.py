"""A task folder from a user's tree and commands: task.toml, brief, seed and a program that must not come through."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.own.spec import DEFAULT_WALL_S, GAIN, SEED_FILE, OwnSettings, read_evolvable, read_seed, tree_of
from nightforge.catalogue import TASK_FILE
from nightforge.domain.base import Json
from nightforge.domain.bundle import BLOCK_END, BLOCK_START, LANGUAGE, OURS, Bundle, format_bundle, language_of
from nightforge.domain.task import Constraint, Task
from nightforge.domain.words import Direction
from nightforge.errors import StoreFault, UserError

DELETED_FILE = "known/deleted.bundle"
_HASH = frozenset({"python", "make", "cmake", "toml", "yaml", "julia", "text"})
_TITLES = {
    "text": "the files that may change, and nothing else",
    "build": "your build, in a box without network",
    "check": "your checks",
    "measure": "beside your unchanged program, on seeds that all candidates share",
    "hidden": "finalists: on seeds that were never used",
}


@dataclass(frozen=True)
class NewTask:
    """What a person said of a task. `blocks`: file → first and last line (from 1) of what may change in it."""

    tree: Path
    folder: Path
    name: str
    goal: str
    settings: OwnSettings
    blocks: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    wall_s: Mapping[str, float] = field(default_factory=dict)
    constraints: Sequence[Constraint] = ()


def slug(text: str) -> str:
    return "own-" + (re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-") or "code")


def write_task(task: NewTask, *, force: bool = False) -> Path:
    """The folder, whole or not at all. UserError for files that cannot evolve and a folder that is there."""
    seed = Bundle({path: _marked(task, path) for path in task.settings.evolve})
    if task.folder.exists() and not (force and _is_ours(task.folder)):
        what = "is there already" if _is_ours(task.folder) else "is there, and is no task folder"
        hint = "--force makes it anew" if _is_ours(task.folder) else "name another with --folder"
        raise UserError(what, where=str(task.folder), hint=hint)
    try:
        task.folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".nightforge-new-", dir=task.folder.parent))
        try:
            _fill(draft, task, seed)
            if task.folder.exists():
                shutil.rmtree(task.folder)
            draft.rename(task.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise StoreFault(
            f"the task cannot be written: {error.strerror}", where=str(task.folder), hint="name another with --folder"
        ) from error
    return task.folder


def rewrite(task: Task, settings: OwnSettings) -> Path:
    """Other settings for a task that is there; the document before is kept as `task.toml.before`. Returns its path.

    Raises StoreFault where the folder cannot be written.
    """
    made = NewTask(
        tree=tree_of(task, settings),
        folder=task.root,
        name=task.name,
        goal=task.goal,
        settings=settings,
        wall_s={stage.name: stage.wall_s for stage in task.stages},
        constraints=task.constraints,
    )
    path = task.root / TASK_FILE
    before = path.with_name(f"{TASK_FILE}.before")
    try:
        shutil.copyfile(path, before)
        path.write_text(document(made), encoding="utf-8")
        (task.root / task.brief).write_text(_brief(made, read_seed(task)), encoding="utf-8")
    except OSError as error:
        raise StoreFault(
            f"the task cannot be written: {error.strerror}", where=str(path), hint="mend its rights"
        ) from error
    return before


def _is_ours(folder: Path) -> bool:
    return (folder / TASK_FILE).is_file()


def _fill(draft: Path, task: NewTask, seed: Bundle) -> None:
    (draft / "known").mkdir()
    (draft / SEED_FILE).write_bytes(format_bundle(seed).encode())
    (draft / DELETED_FILE).write_bytes(format_bundle(deleted(seed)).encode())
    (draft / "brief.md").write_text(_brief(task, seed), encoding="utf-8")
    (draft / TASK_FILE).write_text(document(task), encoding="utf-8")
    draft.chmod(0o755)


def deleted(seed: Bundle) -> Bundle:
    """The program without what may change: empty blocks where there are blocks, else empty files."""
    return Bundle({path: _without_blocks(text) for path, text in seed.files.items()})


def _without_blocks(text: str) -> str:
    if BLOCK_START not in text:
        return ""
    kept, inside = [], False
    for line in text.split("\n"):
        inside = inside and BLOCK_END not in line
        if not inside:
            kept.append(line)
        inside = inside or BLOCK_START in line
    return "\n".join(kept)


def _marked(task: NewTask, path: str) -> str:
    """The file's text, with markers of ours around the lines that were named."""
    text = read_evolvable(task.tree, path)
    if path not in task.blocks:
        return text
    if BLOCK_START in text:
        raise UserError("has EVOLVE-BLOCK markers of its own", where=path, hint="name the file without lines")
    first, last = task.blocks[path]
    lines = text.split("\n")
    count = len(lines) - (lines[-1] == "")
    if not 1 <= first <= last <= count:
        raise UserError(f"lines {first}-{last} are not in a file of {count} lines", where=path, hint="count from 1")
    sign = "#" if language_of(path) in _HASH else "!" if language_of(path) == "fortran" else "//"
    indent = re.match(r"\s*", lines[first - 1])
    before = indent[0] if indent else ""
    marks = [f"{before}{sign} {marker} {OURS}" for marker in (BLOCK_START, BLOCK_END)]
    return "\n".join([*lines[: first - 1], marks[0], *lines[first - 1 : last], marks[1], *lines[last:]])


def document(task: NewTask) -> str:
    """task.toml: readable, every setting that is not its default."""
    settings, measure = task.settings, task.settings.measure
    is_ratio = settings.compare == "ratio"
    better = "higher" if measure.direction is Direction.MAX else "lower"
    unit = f" in {measure.unit}" if measure.unit else ""
    title = f"how much better than your unchanged program: {measure.metric}{unit}, {better} is better"
    lines = [
        "# Made by `nightforge task init`; docs/own-code.md says what can be set. `nightforge task check` tries it.",
        "schema_version = 1",
        f"name = {_toml(task.name)}",
        f"title = {_toml(f'your {task.tree.name}: {measure.metric}{unit}')}",
        f"goal = {_toml(task.goal)}",
        'domain = "own"',
        f"language = {_toml(LANGUAGE)}",
        f"seed = {_toml(SEED_FILE)}",
        *("", "[[objectives]]", f"metric = {_toml(GAIN)}"),
        f"unit = {_toml('x' if is_ratio else measure.unit)}",
        *('direction = "max"', f"title = {_toml(title)}"),
    ]
    for one in task.constraints:
        lines += ["", "[[constraints]]", f"metric = {_toml(one.metric)}", f"relation = {_toml(one.relation)}"]
        lines += [f"bound = {one.bound!r}"] + ([f"unit = {_toml(one.unit)}"] if one.unit else [])
    for stage, words in _TITLES.items():
        if stage != "check" or settings.check:
            seconds = task.wall_s.get(stage, task.wall_s.get("measure" if stage == "hidden" else stage, 0.0))
            limit = seconds or DEFAULT_WALL_S.get(stage, DEFAULT_WALL_S["measure"])
            lines += ["", "[[stages]]", f"name = {_toml(stage)}", f"title = {_toml(words)}", f"wall_s = {limit:g}"]
    lines += [
        "",
        "[[rehearsal]]",
        f"path = {_toml(DELETED_FILE)}",
        'expect = "reject"',
        'title = "the program deleted"',
    ]
    values = settings.model_dump(mode="json", exclude_defaults=True)
    own = values.pop("measure")
    lines += ["", "[settings]", *_table(values), "", "[settings.measure]", *_table(own)]
    return "\n".join([*lines, ""])


def _table(values: Mapping[str, Json]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{name} = {_value(value)}"


def _value(value: Json) -> str:
    if isinstance(value, str):
        return _toml(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(name)} = {_value(one)}" for name, one in value.items()) + " }"
    return json.dumps(value)


def _toml(value: str) -> str:
    """JSON's strings are TOML's basic strings, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _brief(task: NewTask, seed: Bundle) -> str:
    settings, measure = task.settings, task.settings.measure
    kinds = {
        "time": f"The command `{measure.command}` is timed from outside ({measure.clock} time); what it prints must be "
        "what the unchanged program prints, for every seed.",
        "judge": f"The command `{measure.command}` makes an answer; `{measure.judge}` judges it in another process.",
        "report": f"The command `{measure.command}` plays the program and gives `{measure.metric}`.",
    }
    files = "\n".join(
        f"- `{path}` ({language_of(path)})" + (": between the EVOLVE-BLOCK markers" if BLOCK_START in text else "")
        for path, text in seed.files.items()
    )
    built = f"It is built with `{settings.build}`" if settings.build else "Nothing is built"
    checked = f", and `{settings.check}` must pass." if settings.check else "."
    bounds = "".join(f"\n`{one.metric}` must be {one.relation} {one.bound:g} {one.unit}." for one in task.constraints)
    direction = "high" if measure.direction is Direction.MAX else "low"
    return f"""# {task.goal}

The program is part of a larger tree. These files may change, and nothing else; each begins with its
`=== file: PATH ===` line, which stays as it is:

{files}

{built}{checked} {kinds[measure.kind]}

Make `{measure.metric}`{f" ({measure.unit})" if measure.unit else ""} as {direction} as possible.{bounds}

The same seeds are used for every candidate; finalists meet others. Keep every name that other files use. Do not read
clocks, do not write files that the program did not write before, and do not keep results from one call to the next.
"""
