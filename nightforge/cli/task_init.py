"""`nightforge task init DIR`: a task of a person's own code, by flags, or by questions at a terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output, can_ask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluators.own.new_task import NewTask
    from nightforge.domain.task import Constraint

_LINES = re.compile(r"(?P<path>.+):(?P<first>\d+)-(?P<last>\d+)")
_BOUND = re.compile(r"\s*(?P<metric>[\w.]+)\s*(?P<relation><=|>=)\s*(?P<bound>[-+0-9.eE]+)\s*(?P<unit>\S*)\s*")
_FOLDER = "nightforge"

Tree = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder of your code. Only the task's folder is written.")
]
Evolve = Annotated[
    list[str] | None,
    typer.Option("--evolve", metavar="FILE[:FROM-TO]", help="A file that may change, or its lines; repeatable."),
]
Time = Annotated[
    str | None, typer.Option("--time", metavar="CMD", help="Measure: we time CMD and compare what it prints.")
]
Answer = Annotated[
    str | None, typer.Option("--answer", metavar="CMD", help="Measure: CMD makes an answer, --judge says its worth.")
]
Judge = Annotated[str | None, typer.Option("--judge", metavar="CMD", help="Reads $NIGHTFORGE_ANSWER, prints metrics.")]
Report = Annotated[
    str | None, typer.Option("--report", metavar="CMD", help="Measure: CMD prints the number itself (self-reported).")
]
Metric = Annotated[str | None, typer.Option("--metric", metavar="NAME", help="What the number is called.")]
Unit = Annotated[str, typer.Option("--unit", help="Unit of the metric.")]
Maximise = Annotated[bool, typer.Option("--maximise/--minimise", help="Whether more of the metric is better.")]
Read = Annotated[str, typer.Option("--read", help="How the number is read: json (lines), pattern, exit (code).")]
Pattern = Annotated[str, typer.Option("--pattern", metavar="RE", help="Finds the number; one group around it.")]
Clock = Annotated[str, typer.Option("--clock", help="With --time: cpu or wall.")]
Files = Annotated[list[str] | None, typer.Option("--answer-file", metavar="FILE", help="CMD writes it; repeatable.")]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore-output", metavar="RE", help="With --time: no part of the answer; repeatable."),
]
Tolerance = Annotated[float, typer.Option("--tolerance", min=0, help="With --time: relative, for numbers printed.")]
Constrain = Annotated[
    list[str] | None, typer.Option("--constraint", metavar="METRIC<=N", help="A bound on a metric; repeatable.")
]
Environment = Annotated[
    Path | None, typer.Option("--python", metavar="ENV", help="A Python environment, mounted read-only.")
]
Mounts = Annotated[
    list[str] | None,
    typer.Option("--mount", metavar="PLACE=PATH", help="PATH read-only at PLACE in the tree; repeatable."),
]
Variables = Annotated[list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="A variable; repeatable.")]
LeaveOut = Annotated[
    list[str] | None, typer.Option("--leave-out", metavar="PATTERN", help="Files not taken along; repeatable.")
]


def init(
    tree: Tree,
    evolve: Evolve = None,
    build: Annotated[str | None, typer.Option("--build", metavar="CMD", help="Builds the tree.")] = None,
    check: Annotated[str | None, typer.Option("--check", metavar="CMD", help="Ends with 0 if all is right.")] = None,
    time: Time = None,
    answer: Answer = None,
    judge: Judge = None,
    report: Report = None,
    metric: Metric = None,
    unit: Unit = "",
    maximise: Maximise = False,
    read: Read = "json",
    pattern: Pattern = "",
    clock: Clock = "cpu",
    answer_file: Files = None,
    ignore_output: Ignore = None,
    tolerance: Tolerance = 0.0,
    difference: Annotated[bool, typer.Option("--difference", help="Compare by difference, not by ratio.")] = False,
    constraint: Constrain = None,
    seeds: Annotated[int, typer.Option("--seeds", min=2, help="Runs per evaluation.")] = 5,
    hidden_seeds: Annotated[int, typer.Option("--hidden-seeds", min=3, help="Runs per confirmation.")] = 9,
    python: Environment = None,
    python_path: Annotated[list[str] | None, typer.Option("--python-path", metavar="DIR", help="Repeatable.")] = None,
    mount: Mounts = None,
    image: Annotated[str, typer.Option("--image", help="Container image to run in (docker tier).")] = "",
    env: Variables = None,
    leave_out: LeaveOut = None,
    build_s: Annotated[float | None, typer.Option("--build-s", min=0.1, help="Limit of the build.")] = None,
    check_s: Annotated[float | None, typer.Option("--check-s", min=0.1, help="Limit of the check.")] = None,
    measure_s: Annotated[float | None, typer.Option("--measure-s", min=0.1, help="Limit of one run.")] = None,
    memory_mb: Annotated[int, typer.Option("--memory-mb", min=64, help="Limit of memory.")] = 2048,
    disk_mb: Annotated[int, typer.Option("--disk-mb", min=16, help="Limit of what is written.")] = 512,
    goal: Annotated[str | None, typer.Option("--goal", metavar="WORDS", help="What you want, for models.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of the task.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="PATH", help="Where to write; the default is DIR/nightforge.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Make a task folder anew that is there.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write a task folder for your own code; what no flag says is asked at a terminal."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from evaluators.own.new_task import write_task

    root = _existing(tree)
    place = (folder or root / _FOLDER).absolute()
    said = _Said(evolve, build, check, time, answer, judge, report, metric)
    if can_ask() and not said.is_enough:
        said.ask(root)
    said.require()
    mounts = {place_: _relative(Path(source), place) for place_, source in _pairs("--mount", mount).items()}
    settings: dict[str, object] = {
        "tree": _relative(root, place),
        "evolve": [path for path, _ in said.files],
        "build": said.build or "",
        "check": said.check or "",
        "measure": said.measure(unit, maximise, read, pattern, clock, answer_file, ignore_output, tolerance),
        "compare": "difference" if difference else "ratio",
        "seeds": seeds,
        "hidden_seeds": hidden_seeds,
        "interpreter": "" if python is None else _relative(python, place),
        "python_path": python_path or ([".", "src"] if (root / "src").is_dir() else ["."]),
        "mounts": mounts,
        "image": image,
        "environment": _pairs("--env", env),
        "ignore": leave_out or [],
        "memory_mb": memory_mb,
        "disk_mb": disk_mb,
    }
    limits = {"build": build_s, "check": check_s, "measure": measure_s}
    task = _new_task(root, place, settings, said, limits, _constraints(constraint), goal, name)
    written = write_task(task, force=force)
    if output.json:
        output.record({"kind": "task-folder", "path": str(written), "name": task.name})
        return
    output.text(str(written))
    output.note(f"try it: nightforge task check {tree}\nthen:   nightforge run {tree}")


class _Said:
    """What was said by flag, completed by questions."""

    def __init__(
        self,
        evolve: list[str] | None,
        build: str | None,
        check: str | None,
        time: str | None,
        answer: str | None,
        judge: str | None,
        report: str | None,
        metric: str | None,
    ) -> None:
        self.evolve = evolve or []
        self.build, self.check = build, check
        self.commands = {"time": time, "judge": answer, "report": report}
        self.judge, self.metric = judge, metric

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

    def measure(
        self,
        unit: str,
        maximise: bool,
        read: str,
        pattern: str,
        clock: str,
        answers: list[str] | None,
        ignore: list[str] | None,
        tolerance: float,
    ) -> dict[str, object]:
        (kind,) = self.kinds
        made: dict[str, object] = {"kind": kind, "command": self.commands[kind], "answers": answers or []}
        if kind == "time":
            metric = self.metric or f"{clock}_s"
            return {
                **made,
                "metric": metric,
                "unit": "s",
                "clock": clock,
                "ignore": ignore or [],
                "tolerance": tolerance,
            }
        direction = "max" if maximise else "min"
        read = "pattern" if pattern else read
        made |= {"metric": self.metric, "unit": unit, "direction": direction, "read": read, "pattern": pattern}
        return made | ({"judge": self.judge} if self.judge else {})

    def ask(self, root: Path) -> None:
        """Only what is lacking; an empty line takes what stands in brackets."""
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
            self.commands[kind] = _asked("Which command is measured ({seed} stands for the run's seed)", "") or None
            if kind == "judge":
                self.judge = _asked("Which command judges the answer in $NIGHTFORGE_ANSWER", "")
            if kind != "time" and self.metric is None:
                self.metric = _asked('What is the number called (a line as {"NAME": 1.5} gives it)', "") or None


def _asked(question: str, default: str) -> str:
    from nightforge.cli.asking import read_line

    shown = f" [{default or 'none'}]"
    return read_line(f"{question}{shown}: ").strip() or default


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


def _pairs(flag: str, given: Sequence[str] | None) -> dict[str, str]:
    from nightforge.errors import UserError

    found = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UserError(f"{text!r} is no NAME=VALUE", where=flag, hint=f"as {flag} data=/srv/data")
        found[name] = value
    return found


def _constraints(given: Sequence[str] | None) -> list[Constraint]:
    from nightforge.domain.task import Constraint
    from nightforge.errors import UserError

    found = []
    for text in given or []:
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


def _new_task(
    root: Path,
    place: Path,
    settings: Mapping[str, object],
    said: _Said,
    limits: Mapping[str, float | None],
    constraints: list[Constraint],
    goal: str | None,
    name: str | None,
) -> NewTask:
    from pydantic import TypeAdapter, ValidationError

    from evaluators.own.new_task import NewTask, slug
    from evaluators.own.spec import OwnSettings
    from nightforge.catalogue import describe_validation
    from nightforge.domain.task import Name
    from nightforge.errors import UserError

    try:
        checked = OwnSettings.model_validate(settings)
        named = TypeAdapter(Name).validate_python(name or slug(root.name))
    except ValidationError as error:
        raise UserError(
            describe_validation(error), where="task init", hint="docs/own-code.md lists the flags"
        ) from None
    measure = checked.measure
    more = "more" if measure.direction.value == "max" else "less"
    return NewTask(
        tree=root,
        folder=place,
        name=named,
        goal=goal or f"make {root.name} better: {more} {measure.metric}",
        settings=checked,
        blocks={path: lines for path, lines in said.files if lines is not None},
        wall_s={stage: seconds for stage, seconds in limits.items() if seconds is not None},
        constraints=constraints,
    )
