"""Each model is rehearsed before a campaign: probed, then one candidate of its own through the real graph.

What this costs is a goal, `SHARE` of the caps, and no reason to fail: a model has its first candidate whatever that
costs, and another one while what is left of the share pays for one as costly. The caps themselves hold as always.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from nightforge.domain.candidate import Tally
from nightforge.domain.evidence import Evidence
from nightforge.domain.model import ModelProfile, ModelProfiles
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.rehearsal import RehearsalCheck, RehearsalReport
from nightforge.domain.team import Team
from nightforge.domain.words import Outcome
from nightforge.errors import BudgetExhausted, ModelFault, RehearsalFailed
from tools.budget import Amount, BudgetMeter
from workflows.campaign import Campaign
from workflows.workshop import Workshop

logger = logging.getLogger(__name__)

MODELS = "model-rehearsal"
"""The document that says which models have delivered."""
PROFILES = "model-profiles"
"""The document that says what was found out about each."""
BEGUN = "model-rehearsal-begun"
"""The document with the tally before it: its cost is counted from there, over all sessions."""
MODEL_TRIES = 3
"""Candidates that a model may spend to deliver one that is parsed, applied and built."""
SHARE = 0.01
"""Of the caps on dollars and tokens, for the rehearsal of all models together."""
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


EntrantFactory = Callable[[ModelSpec, BudgetMeter, str], Entrant]
"""(model, budget, campaign id) → entrant."""


async def rehearse_models(campaign: Campaign, entrants: Sequence[Entrant]) -> None:
    """Each model must bring one candidate through parsing, applying and building, in the real graph.

    Ends early, with the rest to be held on resume, when a person interrupts it or the budget is spent. Raises
    RehearsalFailed when a model had `MODEL_TRIES` candidates, naming the setting where it knows one.
    """
    store, campaign_id = campaign.workshop.store, campaign.workshop.campaign_id
    report = store.document(campaign_id, MODELS, RehearsalReport) or RehearsalReport(checks=())
    begun = await _begun(campaign.workshop)
    for entrant in entrants:
        model = entrant.model
        if any((check.path, check.title) == (model.model, model.base_url) for check in report.checks):
            continue
        await _probe(campaign, entrant)
        check = await _rehearse_model(campaign, entrant, begun)
        if check is None:
            return
        report = RehearsalReport(checks=(*report.checks, check))
        await store.save_document(campaign_id, MODELS, report)


async def _probe(campaign: Campaign, entrant: Entrant) -> None:
    """Form and context. A budget too small for it, or an endpoint that does not answer it, leaves it out."""
    if campaign.stop.draining:
        return
    shop = campaign.workshop
    seed_bytes = len(shop.task.read(shop.task.seed).encode())
    cap_usd = shop.plan.budget.cost_usd
    try:
        found = await entrant.prober.probe(
            shop.campaign_id,
            prompt_bytes=len(shop.brief.encode()) + PROMPT_PROGRAMS * seed_bytes,
            most_usd=None if cap_usd is None else PROBE_SHARE * cap_usd,
        )
    except (BudgetExhausted, ModelFault):
        return  # whether the endpoint answers at all is seen by the candidate
    known = shop.store.document(shop.campaign_id, PROFILES, ModelProfiles) or ModelProfiles()
    place = (found.profile.base_url, found.profile.model)
    others = tuple(one for one in known.profiles if (one.base_url, one.model) != place)
    await shop.store.save_document(shop.campaign_id, PROFILES, ModelProfiles(profiles=(*others, found.profile)))
    if found.trouble:
        raise RehearsalFailed(found.trouble, where="rehearsal of models", hint=found.hint)


async def _rehearse_model(campaign: Campaign, entrant: Entrant, begun: Amount) -> RehearsalCheck | None:
    """What it delivered; None when the campaign ends first. Raises RehearsalFailed, or the endpoint's fault."""
    workshop = replace(campaign.workshop, team=entrant.team)
    outcomes: list[str] = []
    while True:
        before = _cost(workshop)
        ordinal = await campaign.try_one(workshop)
        if ordinal is None or campaign.control.is_over:
            return None
        attempts = workshop.store.attempts(workshop.campaign_id, ordinal)
        if any(one.evidence is not None and was_built(one.evidence) for one in attempts):
            return _check(entrant.model, f"candidate {ordinal}", held=True)
        if campaign.stop.draining or campaign.exhausted:
            return None
        outcomes.append(workshop.store.candidate(workshop.campaign_id, ordinal).reason)
        spent = _cost(workshop)
        if len(outcomes) == MODEL_TRIES or not share_pays(
            campaign.workshop.plan.budget, spent - begun + spent - before
        ):
            break
    if campaign.last_fault is not None and outcomes[-1] == "model_fault":
        raise campaign.last_fault  # an endpoint out of reach says nothing of its model: paused, not failed
    failure = _failure(entrant.model, workshop.campaign_id, ordinal, outcomes)
    if len(outcomes) == MODEL_TRIES:
        raise failure
    said = f"{failure}; {SHARE:.0%} of the caps pays for no other try, and the campaign goes on"
    logger.warning("%s (%s)", said, failure.hint)
    return _check(entrant.model, said, held=False)


def _check(model: ModelSpec, outcome: str, *, held: bool) -> RehearsalCheck:
    return RehearsalCheck(path=model.model, title=model.base_url, expect="built", outcome=outcome, held=held)


async def _begun(shop: Workshop) -> Amount:
    """What the campaign had cost before its rehearsal."""
    tally = shop.store.document(shop.campaign_id, BEGUN, Tally)
    if tally is None:
        tally = shop.store.tally(shop.campaign_id)
        await shop.store.save_document(shop.campaign_id, BEGUN, tally)
    return _amount(tally)


def _cost(shop: Workshop) -> Amount:
    return _amount(shop.store.tally(shop.campaign_id))


def _amount(tally: Tally) -> Amount:
    return Amount.of(cost_usd=tally.cost_usd, tokens=tally.tokens_in + tally.tokens_out, evaluations=0)


def share_pays(budget: Budget, wanted: Amount) -> bool:
    """For what the rehearsal has cost and is about to."""
    return (budget.cost_usd is None or wanted.cost_usd <= SHARE * budget.cost_usd) and (
        budget.tokens is None or wanted.tokens <= SHARE * budget.tokens
    )


HINTS = {
    "truncated": "raise max_output_tokens of the model: a model that thinks needs room for it",
    "context_length": "give the model a longer context window (context_tokens), or take a task with a shorter brief",
    "refused": "the model or its filter refuses this goal: take another model",
}
"""Why a candidate was rejected → the setting to look at."""


def _failure(model: ModelSpec, campaign_id: str, ordinal: int, outcomes: Sequence[str]) -> RehearsalFailed:
    tries = "1 try" if len(outcomes) == 1 else f"{len(outcomes)} tries"
    named = [HINTS[reason] for reason in dict.fromkeys(outcomes) if reason in HINTS]
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
