"""Options that every command shares."""

from __future__ import annotations

from typing import Annotated

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print data as JSON, one object a line, with schema_version.")]
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr; errors only.")]
VerboseFlag = Annotated[bool, typer.Option("--verbose", "-v", help="Debug log on stderr, tracebacks with errors.")]
UnsafeFlag = Annotated[
    bool,
    typer.Option("--unsafe-local", help="Run candidates WITHOUT a sandbox. They can do all that you can do."),
]
