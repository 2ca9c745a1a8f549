"""`report`: what to ship and why, the same document as `nightforge report --html`, of a campaign that runs too."""

from __future__ import annotations

from typing import Literal

from markupsafe import Markup
from starlette.responses import Response

from nightforge.domain.base import Frozen
from nightforge.domain.words import CampaignState
from nightforge.report import build_report, gather
from nightforge.report.html import render_body, to_html
from nightforge.report.markdown import to_markdown
from nightforge.report.model import Report
from nightforge.report.states import standing
from nightforge.web.render import PageRouter, View
from nightforge.web.site import CampaignId, Site, SiteDep

router = PageRouter()
_TYPES = {"html": "text/html; charset=utf-8", "md": "text/markdown; charset=utf-8"}


class Export(Frozen):
    """A candidate that can be taken home from here."""

    ref: str
    ordinal: int


class ReportView(View):
    report: Report
    runs: bool
    """A later look may say more."""
    best: Export | None = None

    @property
    def body(self) -> Markup:
        return render_body(self.report)


def _report(site: Site, campaign_id: str) -> ReportView:
    campaign, _ = standing(site.store, site.store.campaign(campaign_id))
    data = gather(site.store, campaign.campaign_id)
    top = data.winner or data.top
    return ReportView(
        report=build_report(data, now=site.clock.now()),
        runs=campaign.state not in {CampaignState.FINISHED, CampaignState.FAILED},
        best=None if top is None else Export(ref=top.ref, ordinal=top.ordinal),
    )


@router.page("/c/{campaign}/report", template="report_page.html")
def report(site: SiteDep, campaign: CampaignId) -> ReportView:
    """What was found, why it is believed, what it cost, what to do next: put together now."""
    return _report(site, campaign)


@router.get("/c/{campaign}/report.{kind}", tags=["downloads"])
def report_file(site: SiteDep, campaign: CampaignId, kind: Literal["html", "md"]) -> Response:
    """The report as one file that needs nothing else."""
    made = _report(site, campaign).report
    text = to_html(made) if kind == "html" else to_markdown(made)
    named = {"Content-Disposition": f'attachment; filename="nightforge-{made.campaign_id}.{kind}"'}
    return Response(text, media_type=_TYPES[kind], headers=named)
