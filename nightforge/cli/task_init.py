"""`nightforge task init DIR`: a task of a person's own code, by flags, or by questions at a terminal."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nightforge.cli import task_flags as flags
from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output, can_ask

if TYPE_CHECKING:
    from evaluators.own.new_task import NewTask
    from nightforge.domain.task import Constraint

_LINES = re.compile(r"(?P<path>.+):(?P<first>\d+)-(?P<last>\d+)")
_BOUND = re.compile(r"\s*(?P<metric>[\w.]+)\s*(?P<relation><=|>=)\s*(?P<bound>[-+0-9.eE]+)\s*(?P<unit>\S*)\s*")
_FOLDER = "nightforge"


def init(
    context: typer.Context,
    tree: flags.Tree,
    evolve: flags.Evolve = None,
    build: flags.Build = None,
    check: flags.Check = None,
    time: flags.Time = None,
    answer: flags.Answer = None,
    judge: flags.Judge = None,
    report: flags.Report = None,
    metric: flags.Metric = None,
    unit: flags.Unit = "",
    maximise: flags.Maximise = False,
    read: flags.Read = "json",
    pattern: flags.Pattern = "",
    clock: flags.Clock = "cpu",
    answer_file: flags.Files = None,
    ignore_output: flags.Ignore = None,
    tolerance: flags.Tolerance = 0.0,
    difference: flags.Difference = False,
    constraint: flags.Constrain = None,
    seeds: flags.Seeds = 5,
    hidden_seeds: flags.HiddenSeeds = 9,
    python: flags.Environment = None,
    python_path: flags.PythonPath = None,
    mount: flags.Mounts = None,
    path: flags.ProgramPath = None,
    image: flags.Image = "",
    env: flags.Variables = None,
    leave_out: flags.LeaveOut = None,
    build_s: flags.BuildSeconds = None,
    check_s: flags.CheckSeconds = None,
    measure_s: flags.MeasureSeconds = None,
    memory_mb: flags.Memory = 2048,
    disk_mb: flags.Disk = 512,
    goal: flags.GoalWords = None,
    name: flags.TaskName = None,
    folder: flags.Folder = None,
    force: flags.Force = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write a task folder for your own code; what no flag says is asked at a terminal."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from evaluators.own.new_task import write_task

    said = Said.of(context.params)
    root = _existing(tree)
    if can_ask() and not said.is_enough:
        said.ask(root)
    said.require()
    notes = said.take_toolchains(root)
    task = new_task(said, root, (folder or root / _FOLDER).absolute())
    written = write_task(task, force=force)
    if output.json:
        output.record({"kind": "task-folder", "path": str(written), "name": task.name, "notes": notes})
        return
    output.text(str(written))
    output.note("\n".join([*notes, *_next_steps(tree)]))


def _next_steps(tree: Path) -> tuple[str, str]:
    named = shlex.quote(str(tree) if str(tree).startswith(("/", ".", "~")) else f"./{tree}")
    return f"try it: nightforge task check {named}", f"then:   nightforge run {named}"


@dataclass
class Said:
    """What was said by flag, completed by questions. Lists are those of repeatable flags."""

    evolve: list[str] = field(default_factory=list)
    build: str | None = None
    check: str | None = None
    time: str | None = None
    answer: str | None = None
    judge: str | None = None
    report: str | None = None
    metric: str | None = None
    unit: str = ""
    maximise: bool = False
    read: str = "json"
    pattern: str = ""
    clock: str = "cpu"
    answer_file: list[str] = field(default_factory=list)
    ignore_output: list[str] = field(default_factory=list)
    tolerance: float = 0.0
    difference: bool = False
    constraint: list[str] = field(default_factory=list)
    seeds: int = 5
    hidden_seeds: int = 9
    python: Path | None = None
    python_path: list[str] = field(default_factory=list)
    mount: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    image: str = ""
    env: list[str] = field(default_factory=list)
    leave_out: list[str] = field(default_factory=list)
    build_s: float | None = None
    check_s: float | None = None
    measure_s: float | None = None
    memory_mb: int = 2048
    disk_mb: int = 512
    goal: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, object]) -> Said:
        """From the command's parameters; a flag that was not given keeps its default."""
        known = {one.name for one in fields(cls)}
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in params.items()}
        return cls(**{name: value for name, value in given.items() if name in known and value is not None})  # type: ignore[arg-type]

    @property
    def commands(self) -> dict[str, str | None]:
        return {"time": self.time, "judge": self.answer, "report": self.report}

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, command in self.commands.items() if command]

    @property
    def is_enough(self) -> bool:
        return bool(self.evolve and self.kinds)

    @property
    def files(self) -> list[tuple[str, tuple[int, int] | None]]:
        found: list[tuple[str, tuple[int, int] | None]] = []
        for text in self.evolve:
            match = _LINES.fullmatch(text)
            if match is None:
                found.append((text.removeprefix("./"), None))
            else:
                found.append((match["path"].removeprefix("./"), (int(match["first"]), int(match["last"]))))
        return found

    def require(self) -> None:
        from nightforge.errors import UserError

        if not self.evolve:
            raise UserError("no file may change", where="--evolve", hint="name each: --evolve src/table.c")
        if len(self.kinds) != 1:
            what = "how is it measured?" if not self.kinds else f"{len(self.kinds)} measures were given"
            hint = "one of: --time CMD, --answer CMD with --judge CMD, --report CMD"
            raise UserError(what, where="--time, --answer, --report", hint=hint)
        if bool(self.judge) != bool(self.commands["judge"]):
            raise UserError("an answer and its judge go together", where="--answer, --judge", hint="give both")
        if self.kinds != ["time"] and not self.metric:
            raise UserError("the number has no name", where="--metric", hint="as --metric mean_wait --unit s")

    def measure(self) -> dict[str, object]:
        (kind,) = self.kinds
        made: dict[str, object] = {"kind": kind, "command": self.commands[kind], "answers": self.answer_file}
        if kind == "time":
            made |= {"metric": self.metric or f"{self.clock}_s", "unit": "s", "clock": self.clock}
            return made | {"ignore": self.ignore_output, "tolerance": self.tolerance}
        made |= {"metric": self.metric, "unit": self.unit, "direction": "max" if self.maximise else "min"}
        made |= {"read": "pattern" if self.pattern else self.read, "pattern": self.pattern}
        return made | ({"judge": self.judge} if self.judge else {})

    def settings(self, root: Path, place: Path) -> dict[str, object]:
        """The table of task.toml, not checked yet."""
        mounts = {name: _relative(Path(source), place) for name, source in _pairs("--mount", self.mount).items()}
        return {
            "tree": _relative(root, place),
            "evolve": [path for path, _ in self.files],
            "build": self.build or "",
            "check": self.check or "",
            "measure": self.measure(),
            "compare": "difference" if self.difference else "ratio",
            "seeds": self.seeds,
            "hidden_seeds": self.hidden_seeds,
            "interpreter": "" if self.python is None else _relative(Path(self.python), place),
            "path": self.path,
            "python_path": self.python_path or ([".", "src"] if (root / "src").is_dir() else ["."]),
            "mounts": mounts,
            "image": self.image,
            "environment": _pairs("--env", self.env),
            "ignore": self.leave_out,
            "memory_mb": self.memory_mb,
            "disk_mb": self.disk_mb,
        }

    def take_toolchains(self, root: Path) -> list[str]:
        """Mounts for what the commands call and a box does not see; what to tell the person about it."""
        if self.image:
            return []
        from evaluators.own.toolchains import needed

        commands = [one for one in (self.build, self.check, self.judge, *self.commands.values()) if one]
        given = [] if self.python is None else [Path(self.python).expanduser() / "bin"]
        given += [Path(source) / "bin" for source in _pairs("--mount", self.mount).values()]
        found = needed(commands, given=given, tree=root)
        self.mount += [f"{place}={folder}" for place, folder in found.mounts.items()]
        self.path += found.path
        return found.said

    def ask(self, root: Path) -> None:
        """Only what is lacking; an empty line takes what stands in brackets, `none` takes nothing."""
        if not self.evolve:
            text = _asked("Which files may change (blanks between them; FILE:10-40 for lines)", "")
            self.evolve = text.split()
        guessed_build, guessed_check = _guesses(root)
        if self.build is None:
            self.build = _asked("Which command builds it", guessed_build)
        if self.check is None:
            self.check = _asked("Which command checks that it is right (exit code 0)", guessed_check)
        if not self.kinds:
            kind = ""
            while kind not in self.commands:
                kind = _asked(
                    "How is it measured? time: we time a command and compare what it prints; judge: a command answers, "
                    "another one judges; report: a command prints its own number",
                    "time",
                )
            command = _asked("Which command is measured ({seed} stands for the run's seed)", "") or None
            setattr(self, "answer" if kind == "judge" else kind, command)
            if kind == "judge":
                self.judge = _asked("Which command judges the answer in $NF_ANSWER", "")
            if kind != "time" and self.metric is None:
                self.metric = _asked('What is the number called (a line as {"NAME": 1.5} gives it)', "") or None


def _asked(question: str, default: str) -> str:
    from nightforge.cli.asking import read_line

    said = read_line(f"{question} [{default or 'none'}]: ").strip()
    return "" if said == "none" else said or default


def _guesses(root: Path) -> tuple[str, str]:
    """What a tree of this kind is usually built and checked with."""
    if any((root / name).is_file() for name in ("Makefile", "makefile", "GNUmakefile")):
        return "make", "make test"
    if (root / "CMakeLists.txt").is_file():
        return "cmake -S . -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build", "ctest --test-dir build"
    if (root / "Cargo.toml").is_file():
        return "cargo build --release --offline", "cargo test --release --offline"
    if any((root / name).is_file() for name in ("pyproject.toml", "setup.py")):
        return "", "python -m pytest -q"
    return "", ""


def _existing(tree: Path) -> Path:
    from nightforge.errors import NotFound

    root = tree.expanduser().resolve()
    if not root.is_dir():
        raise NotFound("no folder there", where=str(tree), hint="name the folder of your code")
    return root


def _relative(path: Path, folder: Path) -> str:
    """As task.toml has it: beside the tree it moves with the tree, elsewhere it is absolute. Links stay as named."""
    import os

    absolute = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  (resolve() would follow the links)
    return os.path.relpath(absolute, folder) if absolute.is_relative_to(folder.parent) else str(absolute)


def _pairs(flag: str, given: Sequence[str]) -> dict[str, str]:
    from nightforge.errors import UserError

    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UserError(f"{text!r} is no NAME=VALUE", where=flag, hint=f"as {flag} data=/srv/data")
        found[name] = value
    return found


def _constraints(given: Sequence[str]) -> list[Constraint]:
    from nightforge.domain.task import Constraint
    from nightforge.errors import UserError

    found = []
    for text in given:
        match = _BOUND.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            bound = float(match["bound"])
        except ValueError:
            raise UserError(f"{text!r} is no bound", where="--constraint", hint='as "peak_mb<=64"') from None
        relation = "<=" if match["relation"] == "<=" else ">="
        found.append(Constraint(metric=match["metric"], relation=relation, bound=bound, unit=match["unit"]))  # type: ignore[arg-type]
    return found


def new_task(said: Said, root: Path, place: Path) -> NewTask:
    """UserError names the flag or field that cannot be."""
    from pydantic import TypeAdapter, ValidationError

    from evaluators.own.new_task import NewTask, slug
    from evaluators.own.spec import OwnSettings, mount_problem
    from nightforge.catalogue import describe_validation
    from nightforge.domain.task import Name
    from nightforge.errors import UserError

    try:
        checked = OwnSettings.model_validate(said.settings(root, place))
        named = TypeAdapter(Name).validate_python(said.name or slug(root.name))
    except ValidationError as error:
        raise UserError(
            describe_validation(error), where="task init", hint="docs/own-code.md lists the flags"
        ) from None
    for at, source in checked.mounts.items():
        problem = mount_problem(place / source)
        if problem is not None:
            raise UserError(f"{source} {problem[0]}", where=f"--mount {at}", hint=problem[1])
    measure = checked.measure
    more = "more" if measure.direction.value == "max" else "less"
    limits = {"build": said.build_s, "check": said.check_s, "measure": said.measure_s}
    return NewTask(
        tree=root,
        folder=place,
        name=named,
        goal=said.goal or f"make {root.name} better: {more} {measure.metric}",
        settings=checked,
        blocks={path: lines for path, lines in said.files if lines is not None},
        wall_s={stage: seconds for stage, seconds in limits.items() if seconds is not None},
        constraints=_constraints(said.constraint),
    )
