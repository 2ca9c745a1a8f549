"""The `settings` table of a task made of a user's own code, validated."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from nightforge.catalogue import TASK_FILE, describe_validation
from nightforge.domain.base import Frozen
from nightforge.domain.bundle import Bundle, is_plain, parse_bundle
from nightforge.domain.limits import MIB, Limits
from nightforge.domain.task import Task
from nightforge.domain.words import Direction
from nightforge.errors import UserError
from sandbox.staging import box_can_read

SEED_FILE = "seed.bundle"
GAIN = "gain"
"""The metric that ranks: how much better than the user's own program, on the same seeds."""
STAGES = ("text", "build", "check", "measure", "hidden")
DEFAULT_WALL_S = {"text": 5.0, "build": 120.0, "check": 120.0, "measure": 60.0}
SEED_WORD = "{seed}"
LARGEST_FILE_BYTES = 200_000
"""Of one evolvable file: what a model can read and an operator can parse."""


class Measure(Frozen):
    """How the number is made, and by whom.

    `time`: we time the command from outside and compare what it answers with the unchanged program's answer.
    `judge`: the command answers, and `judge`, which never runs beside the candidate, says what the answer is worth.
    `report`: the command itself prints the number.
    """

    kind: Literal["time", "judge", "report"]
    command: str
    metric: str
    unit: str = ""
    direction: Direction = Direction.MIN
    read: Literal["json", "pattern", "exit"] = "json"
    """`judge`, `report`: metrics as JSON lines, the number that `pattern` finds, or the exit code."""
    pattern: str = ""
    clock: Literal["cpu", "wall"] = "cpu"
    """`time`: CPU time of the command and all that it starts, or what passes on the wall."""
    answers: tuple[str, ...] = ()
    """`time`, `judge`: files that the command writes, part of its answer beside what it prints."""
    ignore: tuple[str, ...] = ()
    """`time`: patterns whose matches are no part of the answer, as the program's own timings."""
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """`time`: relative difference up to which two numbers of an answer are the same."""
    judge: str = ""
    proxy: bool = False
    """`report`: the evolvable Python modules run in a box of their own and are called from the simulator's."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Measure:
        if not self.command.strip():
            raise ValueError("command is empty")
        if self.kind == "judge" and not self.judge.strip():
            raise ValueError("kind judge needs the command `judge`")
        if self.kind != "judge" and self.judge:
            raise ValueError("`judge` goes with kind judge")
        if self.proxy and self.kind != "report":
            raise ValueError("`proxy` goes with kind report")
        if self.kind != "time" and self.read == "pattern" and re.compile(self.pattern).groups < 1:
            raise ValueError("`pattern` needs a group around the number, as `time: ([0-9.]+)`")
        if not all(map(is_plain, self.answers)):
            raise ValueError("`answers` are relative paths of files")
        return self

    @field_validator("pattern", "ignore")
    @classmethod
    def _compiles(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for pattern in (value,) if isinstance(value, str) else value:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return value

    @property
    def is_seeded(self) -> bool:
        return SEED_WORD in self.command


class Race(Frozen):
    """When a clearly worse candidate stops: after `after` seeds, when its mean difference to the best so far on the
    same seeds, plus `sigmas` standard errors, is on the wrong side."""

    after: Annotated[int, Field(ge=2)] = 3
    sigmas: Annotated[float, Field(gt=0)] = 3.0


class OwnSettings(Frozen):
    tree: str
    """The user's tree, relative to the task's folder."""
    evolve: Annotated[tuple[str, ...], Field(min_length=1)]
    """Files of the tree that may change; within them the EVOLVE-BLOCKs, where there are any."""
    build: str = ""
    check: str = ""
    measure: Measure
    compare: Literal["ratio", "difference"] = "ratio"
    """Against the unchanged program on the same seed; `difference` for numbers that may be zero or negative."""
    seeds: Annotated[int, Field(ge=2, le=200)] = 5
    """Runs per evaluation, each with a seed of its own that all candidates share."""
    hidden_seeds: Annotated[int, Field(ge=3, le=400)] = 9
    """Runs per confirmation, with seeds that were never used before."""
    race: Race = Race()
    interpreter: str = ""
    """A Python environment (the folder that has `bin/python`), mounted read-only."""
    python_path: tuple[str, ...] = (".",)
    path: tuple[str, ...] = ()
    """Folders in the tree, mounts among them, whose programs are found before the system's."""
    mounts: dict[str, str] = Field(default_factory=dict)
    """Path in the tree → folder or file of this machine that stands there, read-only."""
    image: str = ""
    """Container image that everything runs in; needs the docker tier."""
    environment: dict[str, str] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    """Names or patterns of files that are not taken along, beside version control, caches and environments."""
    memory_mb: Annotated[int, Field(ge=64)] = 2048
    disk_mb: Annotated[int, Field(ge=16)] = 512
    processes: Annotated[int, Field(ge=4, le=2000)] = 128

    @field_validator("evolve")
    @classmethod
    def _plain_paths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        bad = [path for path in value if not is_plain(path)]
        if bad or len(set(value)) < len(value):
            raise ValueError(f"{bad[0]!r} is no plain path inside the tree" if bad else "a file is named twice")
        return value

    @field_validator("environment")
    @classmethod
    def _plain_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if re.fullmatch(r"[A-Za-z_]\w*", name) is None:
                raise ValueError(f"{name!r} is no name of a variable")
        return value

    @model_validator(mode="after")
    def _proxy_is_python(self) -> OwnSettings:
        if self.measure.proxy and not all(path.endswith(".py") for path in self.evolve):
            raise ValueError("`proxy` calls Python modules: every evolvable file must be one")
        if not all(map(is_plain, self.mounts)):
            raise ValueError("`mounts` are named by relative paths in the tree")
        if not all(map(is_plain, self.path)):
            raise ValueError("`path` has relative paths in the tree")
        return self

    def limits(self, wall_s: float) -> Limits:
        return Limits(
            wall_s=wall_s,
            cpu_s=max(1, int(wall_s * 8) + 1),
            memory_bytes=(self.memory_mb + self.disk_mb) * MIB,
            writable_bytes=self.disk_mb * MIB,
            file_bytes=self.disk_mb * MIB,
            writable_inodes=65_536,
            processes=self.processes,
            open_files=1024,
        )


def read_settings(task: Task) -> OwnSettings:
    try:
        return OwnSettings.model_validate(task.settings)
    except ValidationError as error:
        raise UserError(
            describe_validation(error),
            where=f"{task.root / TASK_FILE}: settings",
            hint="docs/own-code.md lists the fields",
        ) from error


def tree_of(task: Task, settings: OwnSettings) -> Path:
    return (task.root / settings.tree).resolve()


def read_seed(task: Task) -> Bundle:
    return parse_bundle(task.read(task.seed))


def wall_s(task: Task, stage: str) -> float:
    return next((one.wall_s for one in task.stages if one.name == stage), DEFAULT_WALL_S.get(stage, 60.0))


def complaints(task: Task, settings: OwnSettings) -> Iterator[UserError]:
    """What is wrong with the files that are named, each with its mend."""
    root, where = tree_of(task, settings), str(task.root / TASK_FILE)
    if not root.is_dir():
        yield UserError(f"the tree {root} is no folder", where=where, hint="settings.tree is relative to task.toml")
        return
    seed = read_seed(task)
    if tuple(seed.files) != settings.evolve:
        yield UserError(f"{SEED_FILE} has other files than settings.evolve", where=where, hint="make the task again")
    for path in settings.evolve:
        yield from _file_complaints(root, path)
    for name, place in settings.mounts.items():
        problem = mount_problem(task.root / place)
        if problem:
            yield UserError(f"mount {name}: {place} {problem[0]}", where=where, hint=problem[1])
    if settings.interpreter and not (task.root / settings.interpreter / "bin").is_dir():
        hint = "name the folder of the environment, the one that has bin/python"
        yield UserError(f"interpreter: {settings.interpreter} has no bin", where=where, hint=hint)


def mount_problem(place: Path) -> tuple[str, str] | None:
    """What keeps a folder or file of this machine from boxes, and the mend; None for one that can be given."""
    if not place.exists():
        return "is not there", "name a folder or file of this machine"
    if not box_can_read(place):
        return (
            "cannot be read in a box, which runs as another user than root",
            "copy it out of the private folder, as to /opt, and name the copy",
        )
    return None


def _file_complaints(root: Path, path: str) -> Iterator[UserError]:
    try:
        read_evolvable(root, path)
    except UserError as error:
        yield error


def read_evolvable(root: Path, path: str) -> str:
    """The text of a file that may evolve; UserError for what is none: missing, a link, binary, too large."""
    file = root / path
    if not file.resolve().is_relative_to(root.resolve()) or file.is_symlink():
        raise UserError("is a link, or leads out of the tree", where=path, hint="name the file itself")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(file), hint="name a file of the tree") from None
    if b"\0" in data:
        raise UserError("is a binary file: only text can evolve", where=path, hint="name its source, or the generator")
    if len(data) > LARGEST_FILE_BYTES:
        hint = "move what should evolve into a file of its own"
        raise UserError(f"has {len(data)} bytes; at most {LARGEST_FILE_BYTES} can evolve", where=path, hint=hint)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(
            "is a binary file, or not UTF-8", where=path, hint="name its source, or save it as UTF-8"
        ) from None


def is_own(folder: Path) -> bool:
    """Whether a folder's task.toml is one of these; False where it cannot be read."""
    try:
        return tomllib.loads((folder / TASK_FILE).read_text(encoding="utf-8")).get("domain") == "own"
    except (OSError, ValueError):
        return False
