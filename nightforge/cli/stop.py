"""`nightforge stop`: a word left in the database for a running campaign to obey."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.candidate import Campaign
    from nightforge.store import SqlStore

OBEYED_WITHIN_S = 3.0
"""A running campaign reads its commands four times a second."""
LOOK_S = 0.1


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
    from nightforge.report.states import reason_words

    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        campaign = pick_campaign(store, campaign_id)
        paused_by_hand = campaign.state is CampaignState.PAUSED and campaign.reason == "asked"
        posted = paused_by_hand or campaign.state in {CampaignState.RUNNING, CampaignState.DRAINING}
        obeyed = False
        if posted:
            asyncio.run(store.post_command(campaign.campaign_id, "stop-now" if now else "stop"))
            obeyed = is_obeyed(store, campaign)
    named = campaign.campaign_id
    if output.json:
        state = campaign.state.value
        output.record({"kind": "stop", "campaign_id": named, "state": state, "posted": posted, "obeyed": obeyed})
    elif not posted:
        reason = f" ({reason_words(campaign.reason)})" if campaign.reason else ""
        output.text(f"{named} is not running: {campaign.state.value}{reason}")
    else:
        output.text(f"{named} was asked to {'stop now' if now else 'drain and save'}")
    if posted and not obeyed:
        yet = "drains already" if campaign.state is CampaignState.DRAINING else "has not obeyed yet"
        output.note(f"it {yet}; if its process is gone, nothing is lost: nightforge resume {named}")


def is_obeyed(store: SqlStore, before: Campaign) -> bool:
    """Wait shortly for the campaign to leave the state that it was in."""
    deadline = time.monotonic() + OBEYED_WITHIN_S
    while store.campaign(before.campaign_id).state is before.state:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)
    return True
