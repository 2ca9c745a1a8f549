"""Each model is rehearsed before a campaign: probed, then one candidate of its own through the real graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from nightforge.domain.base import Frozen
from nightforge.domain.evidence import Evidence
from nightforge.domain.model import ModelProfile
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.rehearsal import RehearsalCheck, RehearsalReport
from nightforge.domain.team import Team
from nightforge.domain.words import Outcome
from nightforge.errors import BudgetExhausted, ModelFault, RehearsalFailed
from tools.budget import BudgetMeter
from workflows.campaign import Campaign

MODELS = "model-rehearsal"
"""The document that says which models have delivered."""
PROFILES = "model-profiles"
"""The document that says what was found out about each."""
MODEL_TRIES = 3
"""Candidates that a model may spend to deliver one that is parsed, applied and built."""
SHARE = 0.01
"""Of the caps: no model gets another try once the rehearsal of all has cost more. The first try is always made, and
its candidate counts as any other of the campaign."""
PROBE_SHARE = 0.002
"""Of the dollar cap, for the prompt of one probe."""
PROMPT_PROGRAMS = 3
"""Parent and inspirations: what a coder's prompt holds beside the brief."""


class ModelProfiles(Frozen):
    profiles: tuple[ModelProfile, ...] = ()


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
    RehearsalFailed, naming the setting where it knows one.
    """
    store, campaign_id = campaign.workshop.store, campaign.workshop.campaign_id
    report = store.document(campaign_id, MODELS, RehearsalReport) or RehearsalReport(checks=())
    purse = Purse(campaign.workshop.budget, campaign.workshop.plan.budget)
    for entrant in entrants:
        model = entrant.model
        if any((check.path, check.title) == (model.model, model.base_url) for check in report.checks):
            continue
        await _probe(campaign, entrant, purse)
        ordinal = await _rehearse_model(campaign, entrant, purse)
        if ordinal is None:
            return
        check = RehearsalCheck(
            path=model.model, title=model.base_url, expect="built", outcome=f"candidate {ordinal}", held=True
        )
        report = RehearsalReport(checks=(*report.checks, check))
        await store.save_document(campaign_id, MODELS, report)


class Purse:
    """What the rehearsal of all models may cost, and has cost."""

    def __init__(self, meter: BudgetMeter, budget: Budget) -> None:
        self._meter = meter
        self._start = meter.spent
        self.most_usd = None if budget.cost_usd is None else SHARE * budget.cost_usd
        self.most_tokens = None if budget.tokens is None else SHARE * budget.tokens

    @property
    def is_empty(self) -> bool:
        spent = self._meter.spent - self._start
        return (self.most_usd is not None and spent.cost_usd > self.most_usd) or (
            self.most_tokens is not None and spent.tokens > self.most_tokens
        )


async def _probe(campaign: Campaign, entrant: Entrant, purse: Purse) -> None:
    """Form and context. A budget too small for it, or an endpoint that does not answer it, leaves it out."""
    if campaign.stop.draining:
        return
    shop = campaign.workshop
    seed_bytes = len(shop.task.read(shop.task.seed).encode())
    most_usd = None if purse.most_usd is None else purse.most_usd * PROBE_SHARE / SHARE
    try:
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
    workshop = replace(campaign.workshop, team=entrant.team)
    outcomes: list[str] = []
    while len(outcomes) < MODEL_TRIES and not (outcomes and purse.is_empty):
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


HINTS = {
    "truncated": "raise max_output_tokens of the model: a model that thinks needs room for it",
    "context_length": "give the model a longer context window (context_tokens), or take a task with a shorter brief",
    "refused": "the model or its filter refuses this goal: take another model",
}
"""Why a candidate was rejected → the setting to look at."""


def _failure(model: ModelSpec, campaign_id: str, ordinal: int, outcomes: Sequence[str]) -> RehearsalFailed:
    tries = f"{len(outcomes)} tries" if len(outcomes) == MODEL_TRIES else "what 1 % of the cap pays for"
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
