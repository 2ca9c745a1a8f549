"""Options as types, so that a command's signature is one line each and two commands say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nightforge.domain.words import SandboxChoice

JsonFlag = Annotated[bool, typer.Option("--json", help="Print data as JSON, one object a line, with schema_version.")]
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr; errors only.")]
VerboseFlag = Annotated[bool, typer.Option("--verbose", "-v", help="Debug log on stderr, tracebacks with errors.")]
UnsafeFlag = Annotated[
    bool,
    typer.Option(
        "--unsafe-local",
        help="Where no sandbox works, run candidates WITHOUT one. They can do all that you can do.",
    ),
]
SandboxFlag = Annotated[
    SandboxChoice | None, typer.Option("--sandbox", help="Tier that candidates run in, whatever the settings say.")
]

Minutes = Annotated[float | None, typer.Option("--minutes", help="Cap on wall time.")]
Hours = Annotated[float | None, typer.Option("--hours", help="Cap on wall time.")]
Evaluations = Annotated[int | None, typer.Option("--evaluations", help="Cap on evaluations.")]
MaxUsd = Annotated[float | None, typer.Option("--max-usd", help="Cap on dollars for models.")]
MaxTokens = Annotated[int | None, typer.Option("--max-tokens", help="Cap on model tokens.")]
RequireFlag = Annotated[
    bool, typer.Option("--require-improvement", help="Exit 3 unless a confirmed candidate beats the reference.")
]

Goal = Annotated[
    str,
    typer.Argument(
        metavar="GOAL|PLAN|PATH",
        help="A goal in plain words, a plan file (.toml, .json), a task folder (yours or a peer's), or - for stdin.",
    ),
]
TaskName = Annotated[
    str | None, typer.Option("--task", metavar="NAME", help="Use this task, whatever the goal's words say.")
]
Design = Annotated[
    Path | None,
    typer.Option("--design", metavar="FILE", help="Improve this combinational Verilog of yours; needs --top."),
]
PythonFlag = Annotated[
    str | None,
    typer.Option(
        "--python", metavar="PATH", help="Interpreter or environment that runs the evaluator of a peer's folder."
    ),
]
Top = Annotated[str | None, typer.Option("--top", metavar="MODULE", help="The module of --design to improve.")]
LibertyFile = Annotated[
    Path | None,
    typer.Option("--liberty", metavar="FILE", help="Standard cells for --design; the default is OSU 0.18 um."),
]
Target = Annotated[
    float | None, typer.Option("--target", help="Stop when the best's lower bound reaches this value of the objective.")
]
Patience = Annotated[
    int | None, typer.Option("--patience", min=1, help="Stop after so many evaluations without a better one.")
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="HH:MM|TIME", help="Be done, confirmation and report included, at this time."),
]
DetachFlag = Annotated[
    bool,
    typer.Option("--detach", help="Go on without this terminal, under a watcher that starts a dead campaign again."),
]
PresetName = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="Candidate graph: solo, pair, team, or your own.")
]
PolicyName = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="NAME",
        help="Search policy: evolve, or a baseline as random, best-of-n, hill-climb, ga, tpe, linear-rules.",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the search.")]
InFlight = Annotated[int | None, typer.Option("--in-flight", min=1, max=256, help="Candidates under way at once.")]
Demonstrations = Annotated[
    int | None,
    typer.Option(
        "--demonstrations", min=0, max=3, help="Good programs like the parent shown to a model; 0 shows none."
    ),
]
Knowledge = Annotated[
    bool | None,
    typer.Option("--knowledge/--no-knowledge", help="Show a model the knowledge pack's words on the evidence."),
]
Models = Annotated[
    list[str] | None, typer.Option("--model", metavar="NAME", help="A model of the ensemble; repeatable.")
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="OpenAI-compatible endpoint; the key comes by environment."),
]
PriceIn = Annotated[
    float | None, typer.Option("--price-in", min=0, help="Dollars per million input tokens of the models.")
]
PriceOut = Annotated[
    float | None, typer.Option("--price-out", min=0, help="Dollars per million output tokens of the models.")
]
OfflineFlag = Annotated[bool, typer.Option("--offline", help="Use no model, even when one is configured.")]
Parameters = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the task; repeatable.")
]
Answers = Annotated[
    list[str] | None,
    typer.Option("--answer", metavar="NAME=VALUE", help="Answer a question beforehand; repeatable."),
]
YesFlag = Annotated[bool, typer.Option("--yes", "-y", help="Take every default and start without asking.")]
PlanOnlyFlag = Annotated[bool, typer.Option("--plan-only", help="Print the plan card and start nothing.")]
PlanOut = Annotated[
    Path | None, typer.Option("--plan-out", metavar="FILE.json", help="Write the plan, to be edited and run.")
]
