"""`nightforge resume`: go on with a campaign that was interrupted, killed or ran out of budget."""

from __future__ import annotations

from typing import Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output


def resume(
    campaign_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Campaign id or prefix; else the newest unfinished one.")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="New cap on wall time, in all.")] = None,
    hours: Annotated[float | None, typer.Option("--hours", help="New cap on wall time, in all.")] = None,
    evaluations: Annotated[int | None, typer.Option("--evaluations", help="New cap on evaluations, in all.")] = None,
    max_usd: Annotated[float | None, typer.Option("--max-usd", help="New cap on dollars, in all.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="New cap on model tokens, in all.")] = None,
    require_improvement: Annotated[
        bool, typer.Option("--require-improvement", help="Exit 3 unless a confirmed candidate beats the reference.")
    ] = False,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Continue a campaign where it stood: nothing scored is lost, no paid reply is asked for again."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.budget import BudgetFlags
    from nightforge.cli.night import resume_night
    from nightforge.cli.reading import resolve_settings

    budget = BudgetFlags(minutes, hours, evaluations, max_usd, max_tokens).checked()
    settings = resolve_settings({"unsafe_local": unsafe_local or None}).settings
    code = asyncio.run(
        resume_night(
            settings,
            output,
            campaign_id,
            budget if budget.is_bounded else None,
            require_improvement=require_improvement,
        )
    )
    if code:
        raise typer.Exit(code)
