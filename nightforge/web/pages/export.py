"""The folder that leaves with a candidate, as a download. It is read from the database: the server runs nothing."""

from __future__ import annotations

from starlette.responses import Response

from nightforge.report.bundle import check_may_leave, to_zip, whole_bundle
from nightforge.web.render import PageRouter
from nightforge.web.site import CampaignId, Ordinal, SiteDep

router = PageRouter()


@router.get("/c/{campaign}/{ordinal}/export.zip", tags=["downloads"])
def export_zip(site: SiteDep, campaign: CampaignId, ordinal: Ordinal, force: bool = False) -> Response:
    """Program, evidence, provenance, `reproduce`. `nightforge export` adds what tools make (a netlist, say)."""
    found = site.store.campaign(campaign)
    candidate = site.store.candidate(found.campaign_id, ordinal)
    check_may_leave(candidate, force=force)
    name = f"nightforge-{found.campaign_id}-{ordinal}"
    content = to_zip(whole_bundle(site.store, found, candidate), name)
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return Response(content, media_type="application/zip", headers=headers)
