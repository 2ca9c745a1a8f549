"""Options of `nightforge task init`, as types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
Judge = Annotated[str | None, typer.Option("--judge", metavar="CMD", help="Reads $NF_ANSWER, prints metrics.")]
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
Build = Annotated[str | None, typer.Option("--build", metavar="CMD", help="Builds the tree.")]
Check = Annotated[str | None, typer.Option("--check", metavar="CMD", help="Ends with 0 if all is right.")]
Difference = Annotated[bool, typer.Option("--difference", help="Compare by difference, not by ratio.")]
Seeds = Annotated[int, typer.Option("--seeds", min=2, help="Runs per evaluation.")]
HiddenSeeds = Annotated[int, typer.Option("--hidden-seeds", min=3, help="Runs per confirmation.")]
PythonPath = Annotated[
    list[str] | None,
    typer.Option("--python-path", metavar="DIR", help="Where imports are looked for in the tree; repeatable."),
]
ProgramPath = Annotated[
    list[str] | None,
    typer.Option("--path", metavar="DIR", help="A folder in the tree, as of a mount, with programs; repeatable."),
]
Image = Annotated[str, typer.Option("--image", help="Container image to run in (docker tier).")]
BuildSeconds = Annotated[float | None, typer.Option("--build-s", min=0.1, help="Limit of the build.")]
CheckSeconds = Annotated[float | None, typer.Option("--check-s", min=0.1, help="Limit of the check.")]
MeasureSeconds = Annotated[float | None, typer.Option("--measure-s", min=0.1, help="Limit of one run.")]
Memory = Annotated[int, typer.Option("--memory-mb", min=64, help="Limit of memory.")]
Disk = Annotated[int, typer.Option("--disk-mb", min=16, help="Limit of what is written.")]
GoalWords = Annotated[str | None, typer.Option("--goal", metavar="WORDS", help="What you want, for models.")]
TaskName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of the task.")]
Folder = Annotated[
    Path | None, typer.Option("--folder", metavar="PATH", help="Where to write; the default is DIR/nightforge.")
]
Force = Annotated[bool, typer.Option("--force", help="Make a task folder anew that is there.")]
