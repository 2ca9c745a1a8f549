"""`nightforge list`: the campaigns, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.candidate import Campaign


def list_campaigns(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many campaigns.")] = 20,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """List campaigns, newest first: state, task, best so far, evaluations, cost."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import NOTHING_YET, database_exists, opened_store, resolve_settings

    settings = resolve_settings().settings
    campaigns: list[Campaign] = []
    if database_exists(settings.database_url):
        with opened_store(settings.database_url) as store:
            campaigns = list(store.campaigns(limit=limit))
    if output.json:
        for campaign in campaigns:
            output.record({"kind": "campaign", **campaign_record(campaign)})
    elif not campaigns:
        output.note(f"no campaign yet; {NOTHING_YET}")
    else:
        _table(output, campaigns)


def campaign_record(campaign: Campaign) -> dict[str, object]:
    tally = campaign.tally
    return {
        "campaign_id": campaign.campaign_id,
        "state": campaign.state.value,
        "reason": campaign.reason,
        "goal": campaign.plan.goal,
        "task": campaign.plan.task,
        "team": campaign.plan.team.value,
        "tier": campaign.tier,
        "created_at": campaign.created_at.isoformat(),
        "finished_at": campaign.finished_at.isoformat() if campaign.finished_at else None,
        "tally": tally.model_dump(mode="json"),
    }


def _table(output: Output, campaigns: list[Campaign]) -> None:
    from rich.table import Table

    from nightforge.cli.words import clean, number
    from nightforge.report.states import CAMPAIGN_SHAPES
    from nightforge.report.text import money

    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("task", no_wrap=True)
    for heading in ("best", "evaluations", "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("started", no_wrap=True)
    table.add_column("goal", overflow="ellipsis", no_wrap=True)
    for campaign in campaigns:
        tally = campaign.tally
        table.add_row(
            campaign.campaign_id,
            f"{CAMPAIGN_SHAPES[campaign.state]} {campaign.state.value}",
            campaign.plan.task,
            "-" if tally.best_score is None else number(tally.best_score),
            str(tally.evaluations),
            money(tally.cost_usd),
            campaign.created_at.astimezone().isoformat(timespec="minutes"),
            clean(campaign.plan.goal),
        )
    output.console().print(table)
