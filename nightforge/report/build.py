"""The report's document from its data: sections come from the registry, in their order."""

from __future__ import annotations

from datetime import datetime

from nightforge.domain.words import SandboxTier
from nightforge.errors import UserError
from nightforge.registry import REPORT_SECTIONS, load, registered
from nightforge.report.data import ReportData
from nightforge.report.figures import figures_of
from nightforge.report.headline import headline
from nightforge.report.model import Report, SectionMaker
from nightforge.report.states import CAMPAIGN_SHAPES

UNSAFE_WARNING = (
    "Candidates ran WITHOUT A SANDBOX (--unsafe-local): what they did to this machine, or to these numbers, is unknown."
)


def build_report(data: ReportData, *, now: datetime | None = None) -> Report:
    makers = sorted((_maker(name) for name in registered(REPORT_SECTIONS)), key=lambda maker: maker.order)
    sections = [maker.make(data) for maker in makers]
    return Report(
        campaign_id=data.campaign.campaign_id,
        goal=data.plan.goal,
        headline=headline(data),
        state=f"{CAMPAIGN_SHAPES[data.campaign.state]} {data.campaign.state.value}",
        made_at=now,
        figures=figures_of(data),
        warnings=_warnings(data),
        sections=tuple(section for section in sections if section is not None),
    )


def _maker(name: str) -> SectionMaker:
    found = load(REPORT_SECTIONS, name)
    if not isinstance(found, SectionMaker):
        raise UserError(
            f"{name!r} is registered, but is no SectionMaker",
            where=REPORT_SECTIONS,
            hint="uninstall the package that registers it, or report it there",
        )
    return found


def _warnings(data: ReportData) -> tuple[str, ...]:
    warnings = []
    if data.campaign.tier == SandboxTier.UNSAFE_LOCAL.value:
        warnings.append(UNSAFE_WARNING)
    return tuple(warnings)
