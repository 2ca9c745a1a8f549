"""Before a campaign: honest controls must pass, known-bads and known-cheats must not."""

from __future__ import annotations

from evaluators.integrity.rehearsal import broken, rehearse
from nightforge.domain.evidence import Evidence
from nightforge.domain.rehearsal import RehearsalReport
from nightforge.domain.scoring import beats_reference
from nightforge.domain.words import Phase
from nightforge.errors import RehearsalFailed
from workflows.campaign import Campaign


async def rehearse_evaluator(campaign: Campaign) -> RehearsalReport | None:
    """Raises RehearsalFailed naming each candidate whose fate is not the known one. The seed is candidate 0.

    None when a person interrupted it: it will be held again.
    """
    workshop = campaign.workshop

    async def evaluate(source: str) -> Evidence | None:
        await campaign.control.obey()
        return None if campaign.stop.draining else await campaign.evaluate_aside(source, phase=Phase.REHEARSAL)

    def gains(evidence: Evidence) -> bool:
        return beats_reference(evidence, workshop.plan, workshop.calibration)

    report = await rehearse(workshop.task, evaluate, gains, with_seed=False)
    if report is None:
        return None
    await workshop.store.save_document(workshop.campaign_id, "rehearsal", report)
    if not report.held:
        raise RehearsalFailed(
            f"the evaluator cannot be trusted on this machine today: {broken(report)}",
            where=f"task {workshop.task.name}",
            hint="a busy machine can cause this: try again when it is idle; else run `nightforge doctor`",
        )
    return report
