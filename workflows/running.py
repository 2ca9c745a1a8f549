"""An approved campaign from rehearsal to analysis, under its lease; every way out leaves a state to go on from."""

from __future__ import annotations

import gc
import logging

from agents.offline.analyst import OfflineAnalyst
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.evidence import Calibration
from nightforge.domain.minimisation import Minimisation
from nightforge.domain.ports import Store
from nightforge.domain.rehearsal import RehearsalReport
from nightforge.domain.scoring import beats_reference
from nightforge.domain.search import PolicyContext
from nightforge.domain.team import Finalist, ReportContext, Team
from nightforge.domain.words import CampaignState, CandidateState, TeamKind
from nightforge.errors import BudgetExhausted, ModelAccessRefused, ModelFault, RehearsalFailed, StoreFault
from sandbox.detached import kept_awake
from tools.budget import BudgetMeter
from tools.patching import unified_diff
from workflows.campaign import Campaign as Search
from workflows.confirmation import confirm_finalists, find_champion
from workflows.contract import Allowance, StopSwitch
from workflows.heralding import heralding, tell_end
from workflows.house import House
from workflows.lessons import leave_lessons, read_lessons
from workflows.minimisation import Minimiser, minimise_best
from workflows.model_rehearsal import rehearse_models
from workflows.ownership import Tenure, owning
from workflows.presets import find_preset
from workflows.rehearsal import rehearse_evaluator
from workflows.reuse import Reuse
from workflows.search.novelty import NoveltyGate
from workflows.search.policies import make_policy
from workflows.workshop import Workshop

logger = logging.getLogger(__name__)

INTERRUPTED = "interrupted"
FINALISTS_ANALYSED = 5
SHOWN = "report-context"
"""The document that holds what the analyst was asked about."""
INSPIRATIONS = {TeamKind.OFFLINE: 8, TeamKind.LLM: 2}
"""Other programs beside the parent: samples for the offline team's tuning, prompt text for a model."""


async def run_campaign(house: House, campaign_id: str, stop: StopSwitch) -> str:
    """Returns why the search ended. Errors are raised with the campaign `paused` (or `failed` by its rehearsal)."""
    if not gc.get_freeze_count():
        gc.freeze()  # modules stay until the process ends: no full collection need walk through them again
    store = house.store
    said_before = max((command.sequence for command in store.waiting_commands(campaign_id)), default=0)
    webhook, stalled_s = house.webhook, house.stalled_s
    async with (
        owning(store, campaign_id, house.clock) as tenure,
        heralding(store, campaign_id, house.clock, webhook, stalled_s=stalled_s) as herald,
    ):
        stop.begun.set()
        try:
            with kept_awake(f"campaign {campaign_id}"):
                reason = await _run(house, campaign_id, stop, tenure, said_before)
        except RehearsalFailed as error:
            await _leave(store, tenure, CampaignState.FAILED, f"rehearsal: {error}")
            tell_end(herald, CampaignState.FAILED, "rehearsal")
            raise
        except Exception as error:
            await _leave(store, tenure, CampaignState.PAUSED, str(error) or type(error).__name__)
            tell_end(herald, CampaignState.PAUSED, type(error).__name__)
            raise
        state = CampaignState.PAUSED if reason == INTERRUPTED else CampaignState.FINISHED
        await store.set_campaign_state(campaign_id, state, reason=reason)
        if state is CampaignState.FINISHED:
            tell_end(herald, state, reason)  # who interrupted it knows
        return reason


async def _run(house: House, campaign_id: str, stop: StopSwitch, tenure: Tenure, said_before: int) -> str:
    """Rehearsal, search, confirmation, analysis; however it ends, nothing of it goes on afterwards."""
    store = house.store
    # Before the budget is opened: what was in flight when an earlier session was killed counts as spent.
    await store.book_lost_calls(campaign_id)
    campaign = store.campaign(campaign_id)
    workshop = open_workshop(house, campaign)
    search = Search(workshop, stop, tenure, offline=_offline_team(house, workshop))
    await read_lessons(search.workshop)
    await search.control.take_up(campaign.state, campaign.reason, through=said_before)
    if campaign.state is not CampaignState.RUNNING:
        await store.set_campaign_state(campaign_id, CampaignState.RUNNING, reason="resumed")
    try:
        await _rehearse(house, search)
        reason = await search.run()
        if reason != INTERRUPTED and not search.control.is_over:
            await confirm_finalists(search)
            await find_champion(search)
            if not stop.ended:
                await minimise_best(search)
            await search.control.attend(analyse(search.workshop))
    finally:
        await search.abandon()
    if tenure.trouble is not None:
        raise tenure.trouble
    return INTERRUPTED if stop.immediate else reason


async def _leave(store: Store, tenure: Tenure, state: CampaignState, reason: str) -> None:
    """The state to go on from. A store that cannot be written, or is no longer ours, keeps the one it has."""
    if tenure.trouble is not None:
        return
    try:
        await store.set_campaign_state(tenure.campaign_id, state, reason=reason[:500])
    except StoreFault as fault:
        logger.warning("campaign %s could not be marked as %s: %s", tenure.campaign_id, state, fault)


def open_workshop(house: House, campaign: Campaign) -> Workshop:
    plan = campaign.plan
    task = house.find_task(plan.task)
    budget = BudgetMeter(plan.budget, spent=campaign.tally)
    inspirations = INSPIRATIONS[plan.team]
    seen = PolicyContext(
        campaign_id=campaign.campaign_id, plan=plan, task=task, store=house.store, inspirations=inspirations
    )
    evaluator = house.evaluator(task)
    reuse = Reuse(
        campaign_id=campaign.campaign_id,
        task=task,
        parameters=plan.parameters,
        tier=house.sandbox.tier,
        store=house.store,
        evaluator=evaluator,
        clock=house.clock,
    )
    return Workshop(
        campaign_id=campaign.campaign_id,
        plan=plan,
        task=task,
        preset=find_preset(plan.search.preset),
        store=house.store,
        evaluator=evaluator,
        policy=make_policy(seen),
        novelty=NoveltyGate(house.store, campaign.campaign_id, task.language.lower()),
        team=house.make_team(plan.models, budget, campaign.campaign_id),
        budget=budget,
        clock=house.clock,
        calibration=house.store.document(campaign.campaign_id, "calibration", Calibration),
        brief=task.read(task.brief),
        reuse=reuse if plan.search.reuse_evaluations else None,
    )


async def _rehearse(house: House, search: Search) -> None:
    workshop = search.workshop
    rehearsed = workshop.store.document(workshop.campaign_id, "rehearsal", RehearsalReport)
    if rehearsed is None or not rehearsed.held:
        rehearsed = await rehearse_evaluator(search)
    if rehearsed is None:
        return
    await search.start()
    if workshop.plan.team is TeamKind.LLM:
        models = workshop.plan.models
        entrants = [house.make_entrant(model, workshop.budget, workshop.campaign_id) for model in models]
        await rehearse_models(search, entrants)


def _offline_team(house: House, workshop: Workshop) -> Team | None:
    """To step in when the models do not answer."""
    is_llm = workshop.plan.team is TeamKind.LLM
    return house.make_team((), workshop.budget, workshop.campaign_id) if is_llm else None


async def analyse(workshop: Workshop) -> None:
    """The analyst's words for the report; its numbers come from the store, never from here."""
    store, campaign_id = workshop.store, workshop.campaign_id
    tally = store.tally(campaign_id)
    if not tally.candidates:
        return  # ended before its seed
    ranked = store.ranked(campaign_id, limit=FINALISTS_ANALYSED)
    seed = store.candidate(campaign_id, 0)
    seed_source = store.source(seed.code_sha) if seed.code_sha else ""
    seen = ReportContext(
        plan=workshop.plan,
        calibration=workshop.calibration,
        tally=tally,
        finalists=tuple(_finalist(workshop, candidate, seed_source) for candidate in ranked),
        operators=dict(store.operator_counts(campaign_id)),
        failures=tally.by_reason,
    )
    context = await _same_request(store, campaign_id, seen)
    try:
        analysis = await workshop.team.analyst.analyse(context)
    except (BudgetExhausted, ModelFault, ModelAccessRefused) as error:
        # The night's work is done and paid for; the report must not wait for a model.
        await store.append_event(campaign_id, "analysis.without_model", {"reason": str(error)[:500]})
        analysis = await OfflineAnalyst().analyse(context)
    await store.save_document(campaign_id, "analysis", analysis)
    await leave_lessons(store, campaign_id, workshop.task, analysis)


async def _same_request(store: Store, campaign_id: str, seen: ReportContext) -> ReportContext:
    """What an earlier session showed the analyst, when nothing but clock and cost has changed since.

    The request is then the same, and a reply that was paid for is read instead of asked for again.
    """
    shown = store.document(campaign_id, SHOWN, ReportContext)
    if shown is not None and (shown.finalists, shown.failures, shown.tally.evaluations) == (
        seen.finalists,
        seen.failures,
        seen.tally.evaluations,
    ):
        return shown
    await store.save_document(campaign_id, SHOWN, seen)
    return seen


def _finalist(workshop: Workshop, candidate: Candidate, seed_source: str) -> Finalist:
    evidence = candidate.confirmation or candidate.evidence
    source = workshop.store.source(candidate.code_sha) if candidate.code_sha else ""
    return Finalist(
        ordinal=candidate.ordinal,
        confirmed=candidate.state is CandidateState.CONFIRMED,
        suspicious=candidate.state is CandidateState.SUSPICIOUS,
        metrics=dict(evidence.metrics) if evidence else {},
        operator_name=candidate.operator_name,
        note=candidate.note,
        diff=unified_diff(seed_source, source, before_name="seed", after_name=candidate.ref),
    )


def has_improved(store: Store, campaign: Campaign) -> bool:
    """A confirmed candidate that is not the seed beats the reference beyond the noise band."""
    calibration = store.document(campaign.campaign_id, "calibration", Calibration)
    return any(
        candidate.ordinal != 0
        and candidate.state is CandidateState.CONFIRMED
        and candidate.confirmation is not None
        and beats_reference(candidate.confirmation, campaign.plan, calibration)
        for candidate in store.ranked(campaign.campaign_id, limit=20)
    )


async def minimise_winner(
    house: House, campaign_id: str, ordinal: int, stop: StopSwitch, allowance: Allowance
) -> Minimisation:
    """Asked for by a person. CampaignBusy where somebody runs the campaign; UserError for what is no winner."""
    store = house.store
    async with owning(store, campaign_id, house.clock) as tenure:
        stop.begun.set()
        search = Search(open_workshop(house, store.campaign(campaign_id)), stop, tenure)
        try:
            with kept_awake(f"minimisation of {campaign_id}.{ordinal}"):
                found = await Minimiser(search, store.candidate(campaign_id, ordinal), allowance).run()
        finally:
            await search.abandon()
        if tenure.trouble is not None:
            raise tenure.trouble
        return found
