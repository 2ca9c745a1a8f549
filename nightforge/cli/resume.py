"""`nightforge resume`: go on with a campaign that was interrupted, killed or ran out of budget."""

from __future__ import annotations

from typing import Annotated

import typer

from nightforge.cli.options import (
    Evaluations,
    Hours,
    JsonFlag,
    MaxTokens,
    MaxUsd,
    Minutes,
    QuietFlag,
    RequireFlag,
    SandboxFlag,
    UnsafeFlag,
    VerboseFlag,
    YesFlag,
)
from nightforge.cli.output import Output


def resume(
    campaign_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Campaign id or prefix; else the newest unfinished one.")
    ] = None,
    minutes: Minutes = None,
    hours: Hours = None,
    evaluations: Evaluations = None,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    yes: YesFlag = False,
    require_improvement: RequireFlag = False,
    sandbox: SandboxFlag = None,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Continue a campaign where it stood: nothing scored is lost, no paid reply is asked for again.

    Caps given here replace those of the plan and count from the campaign's beginning.
    """
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.budget import BudgetFlags
    from nightforge.cli.night import Choices, resume_night
    from nightforge.cli.reading import resolve_settings

    budget = BudgetFlags(minutes, hours, evaluations, max_usd, max_tokens).checked()
    settings = resolve_settings({"sandbox": sandbox, "unsafe_local": unsafe_local or None}).settings
    choices = Choices(yes=yes, require_improvement=require_improvement)
    raised = budget if budget.is_bounded else None
    code = asyncio.run(resume_night(settings, output, campaign_id, raised, choices))
    if code:
        raise typer.Exit(code)
