"""`nightforge list`: the campaigns, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.candidate import Campaign, Candidate


def list_campaigns(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many campaigns.")] = 20,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """List campaigns, newest first: state, task, best (▲ confirmed, ● measured), evaluations, cost."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import NOTHING_YET, opened_store, resolve_settings
    from nightforge.report.data import ranked_for_people
    from nightforge.report.states import standing
    from nightforge.settings import database_exists

    settings = resolve_settings().settings
    found: list[tuple[Campaign, Candidate | None]] = []
    alive: dict[str, bool] = {}
    if database_exists(settings.database_url):
        with opened_store(settings.database_url) as store:
            for stored in store.campaigns(limit=limit):
                campaign, alive[stored.campaign_id] = standing(store, stored)
                found.append((campaign, next(iter(ranked_for_people(store, campaign.campaign_id, limit=1)), None)))
    if output.json:
        for campaign, best in found:
            output.record({"kind": "campaign", "alive": alive[campaign.campaign_id], **campaign_record(campaign, best)})
    elif not found:
        output.note(f"no campaign yet; {NOTHING_YET}")
    else:
        output.text(_table(found, output.width))


def campaign_record(campaign: Campaign, best: Candidate | None) -> dict[str, object]:
    """`best` is the first of the ranking: a confirmed candidate where there is one."""
    from nightforge.report.data import stated_metric

    tally = campaign.tally
    objective = campaign.plan.objectives[0].metric
    metric = stated_metric(best, objective) if best is not None else None
    return {
        "campaign_id": campaign.campaign_id,
        "state": campaign.state.value,
        "reason": campaign.reason,
        "goal": campaign.plan.goal,
        "task": campaign.plan.task,
        "team": campaign.plan.team.value,
        "tier": campaign.tier,
        "owner": campaign.owner,
        "created_at": campaign.created_at.isoformat(),
        "finished_at": campaign.finished_at.isoformat() if campaign.finished_at else None,
        "best": None
        if best is None
        else {
            "candidate": best.ref,
            "state": best.state.value,
            "objective": objective,
            "metric": metric.model_dump(mode="json") if metric else None,
            "evidence_class": best.evidence.evidence_class.value if best.evidence else None,
        },
        "tally": tally.model_dump(mode="json"),
    }


def _best(campaign: Campaign, best: Candidate | None) -> str:
    """`1.53 x ▲`: the shape tells a confirmed number from a measured one."""
    from nightforge.cli.words import number
    from nightforge.report.data import stated_metric
    from nightforge.report.states import CANDIDATE_SHAPES, class_note

    metric = stated_metric(best, campaign.plan.objectives[0].metric) if best is not None else None
    if best is None or metric is None:
        return "-"
    words = " ".join(part for part in (number(metric.value), metric.unit, CANDIDATE_SHAPES[best.state]) if part)
    return words + class_note(best.evidence)


def _table(found: list[tuple[Campaign, Candidate | None]], width: int | None) -> str:
    from nightforge.cli.words import columns
    from nightforge.report.states import CAMPAIGN_SHAPES
    from nightforge.report.text import brief, money

    rows = [("id", "state", "task", "best", "evaluations", "cost", "started", "goal")]
    for campaign, best in found:
        tally = campaign.tally
        rows.append(
            (
                campaign.campaign_id,
                f"{CAMPAIGN_SHAPES[campaign.state]} {campaign.state.value}",
                campaign.plan.task,
                _best(campaign, best),
                str(tally.evaluations),
                money(tally.cost_usd),
                campaign.created_at.astimezone().isoformat(timespec="minutes"),
                brief(campaign.plan.goal, 60),
            )
        )
    return columns(rows, right=frozenset({3, 4, 5}), width=width, minor=(6, 5))
