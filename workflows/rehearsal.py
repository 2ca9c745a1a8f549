"""Before a campaign: honest controls must pass, known-bads and known-cheats must not, each model must deliver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nightforge.domain.evidence import Evidence
from nightforge.domain.plan import ModelSpec
from nightforge.domain.rehearsal import RehearsalCheck, RehearsalReport
from nightforge.domain.scoring import beats_reference
from nightforge.domain.task import RehearsalCandidate
from nightforge.domain.team import Team
from nightforge.domain.words import Outcome, Phase
from nightforge.errors import RehearsalFailed
from workflows.campaign import Campaign

MODELS = "model-rehearsal"
"""The document that says which models have delivered."""
MODEL_TRIES = 3
"""Candidates that a model may spend to deliver one that is parsed, applied and built."""


async def rehearse_evaluator(campaign: Campaign) -> RehearsalReport | None:
    """Raises RehearsalFailed naming each candidate whose fate is not the known one. The seed is candidate 0.

    None when a person interrupted it: it will be held again.
    """
    workshop, checks = campaign.workshop, list[RehearsalCheck]()
    for known in workshop.task.rehearsal:
        if known.path == workshop.task.seed:
            continue
        await campaign.control.obey()
        if campaign.stop.draining:
            return None
        evidence = await campaign.evaluate_aside(workshop.task.read(known.path), phase=Phase.REHEARSAL)
        if evidence is None:
            return None
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


async def rehearse_models(campaign: Campaign, teams: Sequence[tuple[ModelSpec, Team]]) -> None:
    """Each model must bring one candidate through parsing, applying and building, in the real graph.

    Ends early, with the rest to be held on resume, when a person interrupts it or the budget is spent.
    """
    store, campaign_id = campaign.workshop.store, campaign.workshop.campaign_id
    report = store.document(campaign_id, MODELS, RehearsalReport) or RehearsalReport(checks=())
    for model, team in teams:
        if any((check.path, check.title) == (model.model, model.base_url) for check in report.checks):
            continue
        ordinal = await _rehearse_model(campaign, model, team)
        if ordinal is None:
            return
        check = RehearsalCheck(
            path=model.model, title=model.base_url, expect="built", outcome=f"candidate {ordinal}", held=True
        )
        report = RehearsalReport(checks=(*report.checks, check))
        await store.save_document(campaign_id, MODELS, report)


async def _rehearse_model(campaign: Campaign, model: ModelSpec, team: Team) -> int | None:
    """The candidate that it delivered; None when the campaign ends first. Raises RehearsalFailed, or the fault."""
    workshop = replace(campaign.workshop, team=team)
    outcomes = []
    for _ in range(MODEL_TRIES):
        ordinal = await campaign.try_one(workshop)
        if campaign.control.is_over:
            return None
        candidate = workshop.store.candidate(workshop.campaign_id, ordinal)
        attempts = workshop.store.attempts(workshop.campaign_id, ordinal)
        if any(one.evidence is not None and _was_built(one.evidence) for one in attempts):
            return ordinal
        if campaign.stop.draining or campaign.exhausted:
            return None
        outcomes.append(candidate.reason)
    if campaign.last_fault is not None and campaign.faults == MODEL_TRIES:
        raise campaign.last_fault  # an endpoint out of reach says nothing of its model: paused, not failed
    raise RehearsalFailed(
        f"model {model.model} brought no candidate that could be built in {MODEL_TRIES} tries: {', '.join(outcomes)}",
        where="rehearsal of models",
        hint=f"read its replies with `nightforge show {workshop.campaign_id}.{ordinal}`, or take another model",
    )


def _was_built(evidence: Evidence) -> bool:
    """Passed whole, or got beyond the two cheapest stages (parse, build)."""
    passed = sum(stage.outcome is Outcome.PASS for stage in evidence.stages)
    return evidence.passed or passed >= 2
