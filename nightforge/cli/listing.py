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
    from nightforge.cli.reading import NOTHING_YET, opened_store, resolve_settings
    from nightforge.settings import database_exists

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
        output.text(_table(campaigns))


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


def _table(campaigns: list[Campaign]) -> str:
    from nightforge.cli.words import columns, number
    from nightforge.report.states import CAMPAIGN_SHAPES
    from nightforge.report.text import clean_line, money

    rows = [("id", "state", "task", "best", "evaluations", "cost", "started", "goal")]
    for campaign in campaigns:
        tally = campaign.tally
        rows.append(
            (
                campaign.campaign_id,
                f"{CAMPAIGN_SHAPES[campaign.state]} {campaign.state.value}",
                campaign.plan.task,
                "-" if tally.best_score is None else number(tally.best_score),
                str(tally.evaluations),
                money(tally.cost_usd),
                campaign.created_at.astimezone().isoformat(timespec="minutes"),
                clean_line(campaign.plan.goal)[:60],
            )
        )
    return columns(rows, right=frozenset({3, 4, 5}))
