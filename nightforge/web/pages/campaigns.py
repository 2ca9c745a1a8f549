"""*Campaigns*: is anything on fire?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Metric
from nightforge.domain.plan import Budget
from nightforge.domain.words import CampaignState, CandidateState, Direction, EvidenceClass
from nightforge.report.data import ranked_for_people, stated_metric
from nightforge.report.states import GONE, reason_words, standing
from nightforge.report.text import counted
from nightforge.web.render import PageRouter, View
from nightforge.web.site import Site, SiteDep
from workflows.drafting import UNPLANNED

router = PageRouter()

SHOWN = 50
MOST = 1000
AT_WORK = frozenset({CampaignState.RUNNING, CampaignState.DRAINING, CampaignState.PAUSED})
NEAR_CAP = 0.8


class CampaignRow(Frozen):
    campaign_id: str
    goal: str
    task: str
    """Empty while it is being planned."""
    team: str
    owner: str
    state: CampaignState
    """As it stands: one whose process is gone is not called running."""
    reason: str = ""
    alive: bool
    best: Metric | None = None
    best_state: CandidateState | None = None
    best_class: EvidenceClass | None = None
    best_ordinal: int | None = None
    unit: str = ""
    lower_is_better: bool = False
    candidates: int
    evaluations: int
    rejected: int
    suspicious: int
    cost_usd: float
    active_s: float
    budget: Budget
    created_at: datetime
    finished_at: datetime | None = None
    alarms: tuple[str, ...] = ()
    """What a person should look at, in words."""

    @property
    def href(self) -> str:
        return f"/new/{self.campaign_id}" if self.is_open_plan else f"/c/{self.campaign_id}"

    @property
    def is_open_plan(self) -> bool:
        never_ran = self.candidates == 0 and self.state is CampaignState.FAILED
        return (self.state is CampaignState.PLANNED and not self.alive) or never_ran

    @property
    def share(self) -> float | None:
        """Of the cap that is nearest."""
        done = (
            (self.evaluations, self.budget.evaluations),
            (self.active_s, self.budget.wall_s),
            (self.cost_usd, self.budget.cost_usd),
        )
        shares = [used / cap for used, cap in done if cap]
        return max(shares, default=None)


class CampaignsView(View):
    headline: str
    campaigns: tuple[CampaignRow, ...]
    running: int
    waiting: int
    """Plans that wait for approval."""
    alarms: int
    evaluations_tonight: int
    """Of campaigns that were begun within the last day."""
    cost_tonight_usd: float
    daily_usd: float | None = None
    """The machine's cap on dollars of a calendar day."""
    shown: int
    more: bool = False
    database: str


@router.page("/", template="campaigns.html", json_path="/campaigns.json")
def campaigns(site: SiteDep, limit: Annotated[int, Query(ge=1, le=MOST)] = SHOWN) -> CampaignsView:
    """Newest first, with what each found and what a person should look at."""
    found = site.store.campaigns(limit=limit + 1)
    rows = tuple(_row(site, campaign) for campaign in found[:limit])
    since = site.clock.now() - timedelta(days=1)
    tonight = [row for row in rows if row.created_at > since]
    return CampaignsView(
        headline=_headline(rows),
        campaigns=rows,
        running=sum(row.alive and row.state in AT_WORK for row in rows),
        waiting=sum(row.state is CampaignState.PLANNED for row in rows),
        alarms=sum(bool(row.alarms) for row in rows),
        evaluations_tonight=sum(row.evaluations for row in tonight),
        cost_tonight_usd=sum(row.cost_usd for row in tonight),
        daily_usd=site.settings.daily_usd,
        shown=limit,
        more=len(found) > limit,
        database=site.store.where,
    )


def _row(site: Site, stored: Campaign) -> CampaignRow:
    campaign, alive = standing(site.store, stored)
    plan, tally = campaign.plan, campaign.tally
    objective = plan.objectives[0]
    best = next(iter(ranked_for_people(site.store, campaign.campaign_id, limit=1)), None) if tally.candidates else None
    row = CampaignRow(
        campaign_id=campaign.campaign_id,
        goal=plan.goal,
        task="" if plan.task == UNPLANNED else plan.task,
        team=plan.team.value,
        owner=campaign.owner,
        state=campaign.state,
        reason=reason_words(campaign.reason) if campaign.reason not in {"", "approved", "resumed", "asked"} else "",
        alive=alive,
        best=stated_metric(best, objective.metric) if best else None,
        best_state=best.state if best else None,
        best_class=best.evidence.evidence_class if best and best.evidence else None,
        best_ordinal=best.ordinal if best else None,
        unit=objective.unit,
        lower_is_better=objective.direction is Direction.MIN,
        candidates=tally.candidates,
        evaluations=tally.evaluations,
        rejected=tally.by_state.get(CandidateState.REJECTED, 0),
        suspicious=tally.by_state.get(CandidateState.SUSPICIOUS, 0),
        cost_usd=tally.cost_usd,
        active_s=tally.active_s,
        budget=plan.budget,
        created_at=campaign.created_at,
        finished_at=campaign.finished_at,
    )
    return row.model_copy(update={"alarms": _alarms(campaign, row)})


def _alarms(campaign: Campaign, row: CampaignRow) -> tuple[str, ...]:
    """Only what is open: a campaign that ended well has none."""
    found = []
    if campaign.reason == GONE:
        found.append("its process is gone")
    if campaign.state is CampaignState.FAILED and row.candidates:
        found.append("it failed")
    if campaign.state is CampaignState.PAUSED and campaign.reason not in {GONE, "asked", "interrupted", ""}:
        found.append("it stopped on a fault")
    if row.suspicious:
        found.append(f"{row.suspicious} suspicious")
    if row.alive and row.state in AT_WORK:
        cap = row.budget.cost_usd
        if cap and row.cost_usd / cap >= NEAR_CAP:
            found.append("budget nearly spent")
        if row.evaluations >= 20 and row.rejected / max(row.candidates, 1) > 0.9:
            found.append("nine of ten fail")
    return tuple(found)


def _headline(rows: tuple[CampaignRow, ...]) -> str:
    """The answer to the page's question, in a sentence."""
    if not rows:
        return "Nothing has run yet"
    running = sum(row.alive and row.state in AT_WORK for row in rows)
    needing = [row for row in rows if row.alarms]
    work = f"{counted(running, 'campaign')} at work" if running else "nothing runs"
    if not needing:
        return f"{work[0].upper()}{work[1:]}, nothing needs you"
    ask = f"{counted(len(needing), 'campaign')} want{'s' if len(needing) == 1 else ''} a look"
    return f"{work[0].upper()}{work[1:]}, {ask}"
