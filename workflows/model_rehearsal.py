"""Each model is rehearsed before a campaign: probed, then one candidate of its own through the real graph."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from nightforge.domain.evidence import Evidence
from nightforge.domain.model import ModelProfile, ModelProfiles
from nightforge.domain.plan import ModelSpec
from nightforge.domain.rehearsal import RehearsalCheck, RehearsalReport
from nightforge.domain.team import Team
from nightforge.domain.words import Outcome
from nightforge.errors import BudgetExhausted, ModelFault, RehearsalFailed
from tools.budget import Funds
from workflows.campaign import Campaign
from workflows.purse import OVER_SHARE, SHARE, SHARE_HINT, Purse, PurseRecord, RehearsalTeam
from workflows.workshop import Workshop

logger = logging.getLogger(__name__)

MODELS = "model-rehearsal"
"""The document that says which models have delivered."""
PROFILES = "model-profiles"
"""The document that says what was found out about each."""
MODEL_TRIES = 3
"""Candidates that a model may spend to deliver one that is parsed, applied and built."""
PURSE = "model-rehearsal-purse"
"""The document that says what the rehearsal has cost."""
PROBE_SHARE = 0.002
"""Of the dollar cap, for the prompt of one probe."""
PROMPT_PROGRAMS = 3
"""Parent and inspirations: what a coder's prompt holds beside the brief."""


class Finding(Protocol):
    """What a probe found out."""

    @property
    def profile(self) -> ModelProfile: ...
    @property
    def trouble(self) -> str: ...
    @property
    def hint(self) -> str: ...


class Prober(Protocol):
    async def probe(self, campaign_id: str, *, prompt_bytes: int, most_usd: float | None) -> Finding: ...


@dataclass(frozen=True)
class Entrant:
    """A model with a team that asks nobody else, and no program either."""

    model: ModelSpec
    team: Team
    prober: Prober


EntrantFactory = Callable[[ModelSpec, Funds, str], Entrant]
"""(model, budget, campaign id) → entrant."""


async def rehearse_models(campaign: Campaign, entrants: Sequence[Entrant], purse: Purse) -> None:
    """Each model must bring one candidate through parsing, applying and building, in the real graph.

    Ends early, with the rest to be held on resume, when a person interrupts it or the budget is spent. Raises
    RehearsalFailed, naming the setting where it knows one.
    """
    store, campaign_id = campaign.workshop.store, campaign.workshop.campaign_id
    report = store.document(campaign_id, MODELS, RehearsalReport) or RehearsalReport(checks=())
    await store.save_document(campaign_id, PURSE, purse.record)
    for entrant in entrants:
        model = entrant.model
        if any((check.path, check.title) == (model.model, model.base_url) for check in report.checks):
            continue
        try:
            await _probe(campaign, entrant, purse)
            ordinal = await _rehearse_model(campaign, entrant, purse)
        finally:
            await _tell_cost(campaign, purse, model)
        if ordinal is None:
            return
        check = RehearsalCheck(
            path=model.model, title=model.base_url, expect="built", outcome=f"candidate {ordinal}", held=True
        )
        report = RehearsalReport(checks=(*report.checks, check))
        await store.save_document(campaign_id, MODELS, report)


def open_purse(workshop: Workshop) -> Purse:
    """With what an earlier session has spent of it."""
    record = workshop.store.document(workshop.campaign_id, PURSE, PurseRecord)
    return Purse(workshop.budget, workshop.plan.budget, record)


async def _probe(campaign: Campaign, entrant: Entrant, purse: Purse) -> None:
    """Form and context. A budget too small for it, or an endpoint that does not answer it, leaves it out."""
    if campaign.stop.draining:
        return
    shop = campaign.workshop
    seed_bytes = len(shop.task.read(shop.task.seed).encode())
    share_usd = purse.share.cost_usd
    most_usd = None if share_usd is None else share_usd * PROBE_SHARE / SHARE
    try:
        with purse.strict():
            found = await entrant.prober.probe(
                shop.campaign_id,
                prompt_bytes=len(shop.brief.encode()) + PROMPT_PROGRAMS * seed_bytes,
                most_usd=most_usd,
            )
    except (BudgetExhausted, ModelFault):
        return  # whether the endpoint answers at all is seen by the candidate
    known = shop.store.document(shop.campaign_id, PROFILES, ModelProfiles) or ModelProfiles()
    place = (found.profile.base_url, found.profile.model)
    others = tuple(one for one in known.profiles if (one.base_url, one.model) != place)
    await shop.store.save_document(shop.campaign_id, PROFILES, ModelProfiles(profiles=(*others, found.profile)))
    if found.trouble:
        raise RehearsalFailed(found.trouble, where="rehearsal of models", hint=found.hint)


async def _rehearse_model(campaign: Campaign, entrant: Entrant, purse: Purse) -> int | None:
    """The candidate that it delivered; None when the campaign ends first. Raises RehearsalFailed, or the fault."""
    workshop = replace(campaign.workshop, team=RehearsalTeam.of(entrant.team, purse, _place(entrant.model)))
    outcomes: list[str] = []
    while len(outcomes) < MODEL_TRIES and (not outcomes or purse.pays_again(_place(entrant.model))):
        ordinal = await campaign.try_one(workshop)
        if campaign.control.is_over:
            return None
        candidate = workshop.store.candidate(workshop.campaign_id, ordinal)
        attempts = workshop.store.attempts(workshop.campaign_id, ordinal)
        if any(one.evidence is not None and was_built(one.evidence) for one in attempts):
            return ordinal
        if campaign.stop.draining or campaign.exhausted:
            return None
        outcomes.append(candidate.reason)
    if campaign.last_fault is not None and outcomes[-1] == "model_fault":
        raise campaign.last_fault  # an endpoint out of reach says nothing of its model: paused, not failed
    raise _failure(entrant.model, workshop.campaign_id, ordinal, outcomes)


def _place(model: ModelSpec) -> str:
    return f"{model.model} at {model.base_url}"


async def _tell_cost(campaign: Campaign, purse: Purse, model: ModelSpec) -> None:
    """Kept for a resume; a first reply that the share could not pay for is told."""
    shop, record = campaign.workshop, purse.record
    await shop.store.save_document(shop.campaign_id, PURSE, record)
    if _place(model) in record.beyond:
        logger.warning(
            "%s of the caps do not pay for the worst case of one reply of %s: it was asked for one all the same, and "
            "the rehearsal has cost $%.4f so far",
            f"{SHARE:.0%}",
            model.model,
            record.spent_usd,
        )


HINTS = {
    "truncated": "raise max_output_tokens of the model: a model that thinks needs room for it",
    "context_length": "give the model a longer context window (context_tokens), or take a task with a shorter brief",
    OVER_SHARE: SHARE_HINT,
    "refused": "the model or its filter refuses this goal: take another model",
}
"""Why a candidate was rejected → the setting to look at."""


def _failure(model: ModelSpec, campaign_id: str, ordinal: int, outcomes: Sequence[str]) -> RehearsalFailed:
    tries = f"{len(outcomes)} tries" if len(outcomes) == MODEL_TRIES else f"what {SHARE:.0%} of the caps pays for"
    reasons = [*outcomes, *([OVER_SHARE] if len(outcomes) < MODEL_TRIES else [])]
    named = [HINTS[reason] for reason in dict.fromkeys(reasons) if reason in HINTS]
    read = f"read its replies with `nightforge show {campaign_id}.{ordinal}`, or take another model"
    return RehearsalFailed(
        f"model {model.model} brought no candidate that could be built in {tries}: {', '.join(outcomes)}",
        where="rehearsal of models",
        hint="; ".join([*named, read]),
    )


def was_built(evidence: Evidence) -> bool:
    """Passed whole, or got beyond the two cheapest stages (parse, build)."""
    passed = sum(stage.outcome is Outcome.PASS for stage in evidence.stages)
    return evidence.passed or passed >= 2
