"""`nightforge stop` and `pause`: a word left in the database for a running campaign to obey."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.candidate import Campaign
    from nightforge.store import SqlStore

OBEYED_WITHIN_S = 3.0
"""A running campaign reads its commands four times a second."""
LOOK_S = 0.1
ASKED = {"stop": "drain and save", "stop-now": "stop now", "pause": "pause"}
CampaignArgument = Annotated[str | None, typer.Argument(metavar="ID", help="Campaign id or prefix; else the newest.")]


def stop(
    campaign_id: CampaignArgument = None,
    now: Annotated[bool, typer.Option("--now", help="Stop at once instead of finishing what is in flight.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Ask a running campaign to drain and save, or with --now to stop at once. Repeating it does no harm."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    _tell(output, campaign_id, "stop-now" if now else "stop")


def pause(
    campaign_id: CampaignArgument = None, json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False
) -> None:
    """Start nothing more until `nightforge resume`; what is in flight is finished. A pause costs no wall time."""
    _tell(Output.open(json=json, quiet=quiet, verbose=verbose), campaign_id, "pause")


def _tell(output: Output, campaign_id: str | None, word: Literal["stop", "stop-now", "pause"]) -> None:
    """Leave the word where a campaign can obey it; where none runs there is nothing to end, and that is no mistake."""
    import asyncio

    from nightforge.cli.reading import opened_store, pick_campaign, resolve_settings
    from nightforge.domain.words import CampaignState
    from nightforge.report.states import reason_words

    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        campaign = pick_campaign(store, campaign_id)
        drains = campaign.state is CampaignState.DRAINING
        paused_by_hand = campaign.state is CampaignState.PAUSED and campaign.reason == "asked"
        posted = campaign.state is CampaignState.RUNNING or (word != "pause" and (drains or paused_by_hand))
        obeyed = False
        if posted:
            asyncio.run(store.post_command(campaign.campaign_id, word, author=settings.person))
            obeyed = is_obeyed(store, campaign)
    named, state = campaign.campaign_id, campaign.state.value
    if output.json:
        kind = "pause" if word == "pause" else "stop"
        output.record({"kind": kind, "campaign_id": named, "state": state, "posted": posted, "obeyed": obeyed})
    elif posted:
        output.text(f"{named} was asked to {ASKED[word]}")
    elif drains:
        output.text(f"{named} drains already: it ends by itself")
    else:
        reason = f" ({reason_words(campaign.reason)})" if campaign.reason else ""
        output.text(f"{named} is not running: {state}{reason}")
    if posted and not obeyed:
        yet = "drains already" if drains else "has not obeyed yet"
        output.note(f"it {yet}; if its process is gone, nothing is lost: nightforge resume {named}")


def is_obeyed(store: SqlStore, before: Campaign) -> bool:
    """Wait shortly for the campaign to leave the state that it was in."""
    deadline = time.monotonic() + OBEYED_WITHIN_S
    while store.campaign(before.campaign_id).state is before.state:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)
    return True
