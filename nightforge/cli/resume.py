"""`nightforge resume`: go on with a campaign that was interrupted, killed or ran out of budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
    Until,
    VerboseFlag,
    YesFlag,
)
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.plan import Budget
    from nightforge.settings import Settings


def resume(
    campaign_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Campaign id or prefix; else the newest unfinished one.")
    ] = None,
    minutes: Minutes = None,
    hours: Hours = None,
    evaluations: Evaluations = None,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    until: Until = None,
    yes: YesFlag = False,
    require_improvement: RequireFlag = False,
    sandbox: SandboxFlag = None,
    watched: Annotated[bool, typer.Option("--watched", hidden=True)] = False,
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
    from nightforge.cli.watch import read_moment

    budget = BudgetFlags(minutes, hours, evaluations, max_usd, max_tokens).checked()
    settings = resolve_settings({"sandbox": sandbox, "unsafe_local": unsafe_local or None}).settings
    choices = Choices(yes=yes, require_improvement=require_improvement, watched=watched, until=read_moment(until))
    raised = budget if budget.is_bounded else None
    if not watched and _tells_its_process(settings, output, campaign_id, budget, read_moment(until)):
        return
    code = asyncio.run(resume_night(settings, output, campaign_id, raised, choices))
    if code:
        raise typer.Exit(code)


def _tells_its_process(
    settings: Settings, output: Output, campaign_id: str | None, caps: Budget, until: str | None
) -> bool:
    """True when a process has it: then the word is for that one, to go on after a pause or with other caps."""
    import asyncio

    from nightforge.cli.night import pick_unfinished
    from nightforge.cli.reading import opened_store
    from nightforge.domain.words import CampaignState
    from nightforge.report.states import is_alive
    from nightforge.settings import database_exists
    from workflows.steering import recap

    if not database_exists(settings.database_url):
        return False
    with opened_store(settings.database_url) as store:
        campaign = store.campaign(pick_unfinished(store, campaign_id))
        paused = campaign.state is CampaignState.PAUSED and campaign.reason == "asked"
        wanted = caps.is_bounded or until is not None
        if not (paused or wanted) or not is_alive(store, campaign):
            return False

        async def tell() -> None:
            if wanted:
                await recap(store, campaign, caps, until, author=settings.person)
            if paused:
                await store.post_command(campaign.campaign_id, "resume", author=settings.person)

        asyncio.run(tell())
    if output.json:
        output.record({"kind": "resume", "campaign_id": campaign.campaign_id, "told": True})
    else:
        output.text(f"{campaign.campaign_id} goes on in its own process")
    return True
