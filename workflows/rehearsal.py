"""Before a campaign: honest controls must pass, known-bads and known-cheats must not, each model must deliver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nightforge.domain.evidence import Evidence
from nightforge.domain.rehearsal import RehearsalCheck, RehearsalReport
from nightforge.domain.scoring import beats_reference
from nightforge.domain.task import RehearsalCandidate
from nightforge.domain.team import Team
from nightforge.domain.words import Outcome, Phase
from nightforge.errors import RehearsalFailed
from workflows.campaign import Campaign
from workflows.contract import StopSwitch
from workflows.workshop import Workshop

MODEL_TRIES = 3
"""Candidates that a model may spend to deliver one that is parsed, applied and built."""


async def rehearse_evaluator(workshop: Workshop, stop: StopSwitch) -> RehearsalReport | None:
    """Raises RehearsalFailed naming each candidate whose fate is not the known one. The seed is candidate 0.

    None when a person interrupted it: it will be held again.
    """
    checks = []
    for known in workshop.task.rehearsal:
        if known.path == workshop.task.seed:
            continue
        if stop.draining:
            return None
        evidence = await workshop.evaluate(workshop.task.read(known.path), phase=Phase.REHEARSAL)
        checks.append(_check(known, evidence, gains=beats_reference(evidence, workshop.plan, workshop.calibration)))
    report = RehearsalReport(checks=tuple(checks))
    await workshop.store.save_document(workshop.campaign_id, "rehearsal", report)
    if not report.held:
        wrong = "; ".join(
            f"{check.path} ({check.title}): expected {check.expect}, got {check.outcome}"
            for check in report.checks
            if not check.held
        )
        raise RehearsalFailed(
            f"the evaluator cannot be trusted on this machine today: {wrong}",
            where=f"task {workshop.task.name}",
            hint="a busy machine can cause this: try again when it is idle; else run `nightforge doctor`",
        )
    return report


def _check(known: RehearsalCandidate, evidence: Evidence, *, gains: bool) -> RehearsalCheck:
    failure = evidence.failure
    if failure is not None:
        outcome = f"{failure.stage}: {failure.reason or failure.outcome}"
        if known.expect == "pass" and failure.feedback:
            outcome += f" ({failure.feedback.splitlines()[0][:200]})"
    else:
        outcome = "passed" if gains else "passed, no gain"
    rejected = failure is not None and failure.outcome is not Outcome.ERROR
    held = {"pass": evidence.passed, "reject": rejected, "no-gain": rejected or (evidence.passed and not gains)}
    return RehearsalCheck(
        path=known.path, title=known.title, expect=known.expect, outcome=outcome, held=held[known.expect]
    )


async def rehearse_models(campaign: Campaign, teams: Sequence[tuple[str, Team]]) -> None:
    """Each model must bring one candidate through parsing, applying and building, in the real graph."""
    for model, team in teams:
        workshop = replace(campaign.workshop, team=team)
        outcomes = []
        for _ in range(MODEL_TRIES):
            ordinal = await campaign.try_one(workshop)
            candidate = workshop.store.candidate(workshop.campaign_id, ordinal)
            attempts = workshop.store.attempts(workshop.campaign_id, ordinal)
            if any(one.evidence is not None and _was_built(one.evidence) for one in attempts):
                break
            outcomes.append(candidate.reason)
        else:
            raise RehearsalFailed(
                f"model {model} brought no candidate that could be built in {MODEL_TRIES} tries: {', '.join(outcomes)}",
                where="rehearsal of models",
                hint=f"read its replies with `nightforge show {workshop.campaign_id}.{ordinal}`, or take another model",
            )


def _was_built(evidence: Evidence) -> bool:
    """Passed whole, or got beyond the two cheapest stages (parse, build)."""
    passed = sum(stage.outcome is Outcome.PASS for stage in evidence.stages)
    return evidence.passed or passed >= 2
