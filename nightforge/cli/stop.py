"""`nightforge stop`: a word left in the database for a running campaign to obey."""

from __future__ import annotations

from typing import Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output


def stop(
    campaign_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Campaign id or prefix; else the newest.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Stop at once instead of finishing what is in flight.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Ask a running campaign to drain and save, or with --now to stop at once. Repeating it does no harm."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.reading import opened_store, pick_campaign, resolve_settings
    from nightforge.domain.words import CampaignState

    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        campaign = pick_campaign(store, campaign_id)
        ended = campaign.state in {
            CampaignState.PLANNED,
            CampaignState.FINISHED,
            CampaignState.FAILED,
            CampaignState.PAUSED,
        }
        command = "stop-now" if now else "stop"
        if not ended:
            asyncio.run(store.post_command(campaign.campaign_id, command))
    if output.json:
        output.record(
            {"kind": "stop", "campaign_id": campaign.campaign_id, "state": campaign.state.value, "posted": not ended}
        )
    elif ended:
        output.text(f"{campaign.campaign_id} is not running: {campaign.state.value} {campaign.reason}".rstrip())
    else:
        output.text(f"{campaign.campaign_id} was asked to {'stop now' if now else 'drain and save'}")
