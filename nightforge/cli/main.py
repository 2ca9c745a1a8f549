"""The root of the command line. It imports typer and nothing heavier; a command imports what it needs when it runs."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from nightforge import __version__
from nightforge.cli import (
    bench,
    compare,
    config,
    database,
    diff,
    doctor,
    evaluate,
    export,
    listing,
    minimise,
    prepare,
    replay,
    report,
    resume,
    run_command,
    serve,
    show,
    steer,
    stop,
    task,
    tasks,
    top,
    watch,
)
from nightforge.cli.failures import ErrorBoundary

EPILOG = (
    "Exit codes: 0 finished; 1 fault of the platform; 2 usage or configuration; 3 no improvement under "
    "--require-improvement; 4 rehearsal failed; 5 budget refused; 6 prerequisite missing; 7 not found; "
    "130 interrupted, state saved."
)

app = typer.Typer(
    name="nightforge",
    cls=ErrorBoundary,
    help="A design goal in plain words becomes ranked, re-measured candidates overnight.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"nightforge {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command("run", short_help="Turn a goal or a plan into a campaign.")(run_command.run)
app.command("resume", short_help="Go on with an unfinished campaign.")(resume.resume)
app.command("stop", short_help="Ask a running campaign to stop.")(stop.stop)
app.command("pause", short_help="Ask a running campaign to pause.")(stop.pause)
app.command("hint", short_help="Advise a campaign in words.")(steer.hint)
app.command("star", short_help="Mark a candidate.")(steer.star)
app.command("discard", short_help="Say no to a candidate.")(steer.discard)
app.command("budget", short_help="Show or change a campaign's caps.")(steer.budget)
app.command("top", short_help="Follow a campaign live.")(top.top)
app.command("list", short_help="List the campaigns.")(listing.list_campaigns)
app.command("show", short_help="Show a campaign or a candidate.")(show.show)
app.command("diff", short_help="Compare two candidates' programs.")(diff.diff)
app.command("report", short_help="Report what a campaign found.")(report.report)
app.command("eval", short_help="Evaluate one program by hand.")(evaluate.evaluate)
app.command("export", short_help="Write a candidate and its evidence to a folder.")(export.export)
app.command("replay", short_help="Evaluate a result again and compare.")(replay.replay)
app.command("minimise", short_help="Take out of a winner what it does not need.")(minimise.minimise)
app.command("compare", short_help="Compare search policies at one budget.")(compare.compare)
app.command("serve", short_help="Show campaigns in a browser.")(serve.serve)
app.command("watch", hidden=True)(watch.watch)
app.command("prepare", hidden=True)(prepare.prepare)
app.command("tasks", short_help="List what can be evaluated.")(tasks.tasks)
app.command("doctor", short_help="Check this machine.")(doctor.doctor)
app.add_typer(task.app, name="task", short_help="Check a task.")
app.add_typer(bench.app, name="bench", short_help="Measure the agents with a model.")
app.add_typer(database.app, name="db", short_help="Back up the database, collect its garbage.")
app.add_typer(config.app, name="config", short_help="Settings and where they come from.")


def run() -> None:
    """Entry point of the `nightforge` script."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller, as in `nightforge list >&-`
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows no ▲ shows a question mark
    app()
