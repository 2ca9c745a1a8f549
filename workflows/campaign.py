"""The campaign: while not stop: obey, fill, wait, tell. Many candidates are in flight; each commits its own stages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field

from langchain_core.runnables import RunnableConfig

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Evidence
from nightforge.domain.team import Team
from nightforge.domain.words import CampaignState, CandidateState, Phase
from nightforge.errors import (
    BudgetExhausted,
    EvaluatorFault,
    ModelFault,
    NightforgeError,
    RehearsalFailed,
    SandboxFault,
)
from sandbox.spent import cpu_time_s
from workflows.contract import StopSwitch
from workflows.control import Control
from workflows.graph import CandidateGraph, build_graph, steps_at_most
from workflows.outage import Outage
from workflows.outcome import catch_up, look_again, tell
from workflows.ownership import Tenure
from workflows.stopping import CONFIRMATION_COST, MINIMISING_SHARE, Progress, StopRule, first_reason, rules_for
from workflows.workshop import Desk, Workshop

TICK_S = 0.25
FAULTS_IN_A_ROW = 4
"""Platform faults without a success between them that pause the campaign."""
TRIES = 3
"""Of one candidate or one confirmation that our side breaks: fewer than FAULTS_IN_A_ROW, so that a single program
that breaks an evaluator is given up before it pauses the campaign."""


@dataclass
class Campaign:
    workshop: Workshop
    stop: StopSwitch
    tenure: Tenure
    control: Control = field(init=False)
    graph: CandidateGraph = field(init=False)
    rules: Sequence[StopRule] = field(init=False)
    flight: dict[asyncio.Task[None], Desk] = field(default_factory=dict)
    next_ordinal: int = 0
    barren: int = 0
    faults: int = 0
    last_fault: NightforgeError | None = None
    exhausted: str = ""
    """The cap that a reservation inside a candidate's run met."""
    trouble: NightforgeError | None = None
    offline: Team | None = None
    """Fills the slots while no model answers."""
    outage: Outage = field(init=False)
    _cpu_from: float | None = None
    """CPU time of the process when the seed had been measured: what came before, each campaign pays once."""

    def __post_init__(self) -> None:
        shop, plan = self.workshop, self.workshop.plan
        self.outage = Outage(shop, self.offline)
        self.control = Control(
            shop.store,
            self.tenure,
            self.stop,
            shop.clock,
            on_hint=shop.steering.reload,
            on_budget=self._take_plan,
            on_discard=self._take_discard,
        )
        drafts, repairs = plan.search.drafts, plan.search.repairs
        self.graph = build_graph(self.workshop.preset, drafts=drafts, repairs=repairs)
        self._limits: RunnableConfig = {"recursion_limit": steps_at_most(repairs)}
        self.rules = rules_for(plan, self.workshop.calibration)

    async def run(self) -> str:
        """Search until a rule, a person or trouble ends it; returns the reason. Raises the trouble."""
        shop, control = self.workshop, self.control
        await shop.store.set_campaign_state(shop.campaign_id, CampaignState.RUNNING)
        await control.pause_again()
        if not control.is_over:
            for candidate in shop.store.unfinished(shop.campaign_id):
                self._take_up(candidate, self.outage.workshop_of(candidate))
        reason = None
        while reason is None:
            await control.obey()
            reason = self._reason_to_stop()
            if reason is None and not control.paused:
                self._fill()
            await self._wait()
        control.may_pause = False
        shop.may_repair = reason not in {"budget:wall_s", "until"}
        await shop.store.set_campaign_state(shop.campaign_id, CampaignState.DRAINING, reason=reason)
        await self._drain()
        await self.outage.close()
        return "stopped" if reason == "interrupted" and self.stop.ended else reason

    async def _take_plan(self) -> None:
        """A person changed caps or the time of the end: the plan's row has them."""
        shop = self.workshop
        stored = shop.store.campaign(shop.campaign_id).plan
        shop.plan = shop.plan.model_copy(update={"budget": stored.budget, "stop": stored.stop})
        shop.budget.change(stored.budget)
        self.exhausted = ""
        self.rules = rules_for(shop.plan, shop.calibration)

    async def _take_discard(self, ordinal: int) -> None:
        """A person discarded a candidate, or took that back."""
        shop = self.workshop
        row = shop.store.candidate(shop.campaign_id, ordinal)
        if row.discarded:
            shop.discarded.add(ordinal)
        else:
            shop.discarded.discard(ordinal)
        await look_again(shop)

    async def start(self) -> None:
        """Plant the seed, or what an earlier session left of it."""
        shop = self.workshop
        await catch_up(shop)
        self.next_ordinal = shop.store.next_ordinal(shop.campaign_id)
        if self.next_ordinal == 0 and self.stop.draining:
            return
        if self.next_ordinal == 0:
            self._launch(0, None).reservation = shop.budget.reserve(evaluations=1)
            self.next_ordinal = 1
        elif not (row := shop.store.candidate(shop.campaign_id, 0)).state.is_terminal:
            self._take_up(row, shop)
        await self.land_all()
        if self.stop.immediate:
            return
        seed = shop.store.candidate(shop.campaign_id, 0)
        if seed.state is CandidateState.REJECTED:
            failure = seed.evidence.failure if seed.evidence else None
            raise RehearsalFailed(
                f"the seed does not pass its own evaluator: {seed.reason}"
                + (f"\n{failure.feedback[:1000]}" if failure else ""),
                where=f"task {self.workshop.task.name}",
                hint="run `nightforge doctor`; if the machine is busy, try again when it is not",
            )

    async def try_one(self, workshop: Workshop) -> int | None:
        """One candidate made with `workshop` (another team, same campaign), awaited; returns its ordinal.

        What an earlier session left unfinished comes first, so that the team that began it finishes it: another one
        words its requests otherwise, and would pay again for replies that are there. None when a person ends the
        campaign.
        """
        unfinished = workshop.store.unfinished(workshop.campaign_id)
        if self.control.is_over or (self.stop.draining and not unfinished):
            return None
        if unfinished:
            ordinal = unfinished[0].ordinal
            self._take_up(unfinished[0], workshop)
        else:
            ordinal = self.next_ordinal
            self.next_ordinal += 1
            self._launch(ordinal, None, workshop)
        await self.land_all()
        return ordinal

    async def land_all(self) -> None:
        """Until nothing is in flight or a person stops it now. Raises the trouble."""
        while self.flight and not self.control.is_over:
            await self.control.obey()
            await self._wait()
            self._raise_trouble()
        self._raise_trouble()

    async def evaluate_aside(self, source: str, *, phase: Phase) -> Evidence | None:
        """An evaluation beside the search, for rehearsal and confirmation: a fault of ours is tried again.

        None when a person stops it now. Raises EvaluatorFault or SandboxFault after `TRIES`.
        """
        shop = self.workshop
        for left in reversed(range(TRIES)):
            try:
                return await self.control.attend(shop.evaluate(source, phase=phase))
            except (SandboxFault, EvaluatorFault) as fault:
                if left == 0:
                    raise
                await shop.store.append_event(
                    shop.campaign_id, "evaluation.again", {"phase": phase, "reason": str(fault)[:500]}
                )
        raise AssertionError("unreachable: the last try returns or raises")

    async def abandon(self) -> None:
        """Cancel what is in flight and wait until it is gone; its rows stay, for `resume`."""
        for task in self.flight:
            task.cancel()
        await asyncio.gather(*self.flight, return_exceptions=True)
        self.flight.clear()

    def _take_up(self, candidate: Candidate, workshop: Workshop, tries: int = 0) -> None:
        """A candidate begun before; it keeps the evaluation that was reserved for it, ahead of new ones."""
        desk = self._launch(candidate.ordinal, candidate, workshop)
        desk.tries = tries
        if candidate.discarded:
            workshop.discarded.add(candidate.ordinal)
        if workshop.evidence_of(candidate) is None:
            # Where the cap was lowered, the run finds out and ends as every other that meets it.
            with suppress(BudgetExhausted):
                desk.reservation = workshop.budget.reserve(evaluations=1)

    def _raise_trouble(self) -> None:
        if self.tenure.trouble is not None:
            raise self.tenure.trouble
        if self.trouble is not None:
            raise self.trouble

    def _reason_to_stop(self) -> str | None:
        if self.tenure.trouble is not None:
            raise self.tenure.trouble
        if self.trouble is not None:
            return "trouble"
        if self.stop.draining:
            return "stopped" if self.stop.ended else "interrupted"
        if self.exhausted:
            return self.exhausted
        return first_reason(self.rules, self.progress())

    def progress(self) -> Progress:
        shop = self.workshop
        tally = shop.store.tally(shop.campaign_id)
        if self._cpu_from is None and tally.evaluations:
            self._cpu_from = cpu_time_s()
        seconds = shop.calibration.seconds_per_evaluation if shop.calibration else 0.0
        search = shop.plan.search
        ending = len(self.flight) / search.evaluation_slots + CONFIRMATION_COST * search.confirm_top
        return Progress(
            tally=tally,
            active_s=self.tenure.active_s,
            in_flight=len(self.flight),
            barren=self.barren,
            reserve_s=seconds * ending + MINIMISING_SHARE * (shop.plan.budget.wall_s or 0.0),
            now_s=shop.clock.now().timestamp(),
            cpu_s=0.0 if self._cpu_from is None else cpu_time_s() - self._cpu_from,
        )

    def _fill(self) -> None:
        """Start candidates while there is room under way and an evaluation left to reserve."""
        while self.workshop.pipeline.has_room:
            workshop = self.outage.workshop_for(self.next_ordinal)
            if workshop is None:
                return
            try:
                reservation = workshop.budget.reserve(evaluations=1)
            except BudgetExhausted as spent:
                if not self.flight:
                    self.exhausted = spent.where
                return
            self._launch(self.next_ordinal, None, workshop).reservation = reservation
            self.next_ordinal += 1

    def _launch(self, ordinal: int, resumed: Candidate | None, workshop: Workshop | None = None) -> Desk:
        desk = Desk(workshop or self.workshop, ordinal, resumed)
        self.workshop.pipeline.propose(ordinal, is_new=ordinal > 0 and resumed is None)
        # A context of its own: the campaign-level graph's run must not be taken for this run's parent.
        task = asyncio.create_task(self._fly(desk), name=f"candidate-{ordinal}", context=Context())
        self.flight[task] = desk
        return desk

    async def _fly(self, desk: Desk) -> None:
        try:
            await self.graph.ainvoke({}, self._limits, context=desk)
        finally:
            desk.clear()
            self.workshop.pipeline.leave(desk.ordinal)

    async def _wait(self) -> None:
        if not self.flight:
            await asyncio.sleep(TICK_S)
            return
        moved = self.workshop.pipeline.moved()
        await asyncio.wait({*self.flight, moved}, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
        for task in [task for task in self.flight if task.done()]:
            desk = self.flight.pop(task)
            await self._land(desk, task.exception())

    async def _land(self, desk: Desk, error: BaseException | None) -> None:
        if error is None:
            self.faults = 0
            if self.outage.gap is None:
                self.barren = 0 if desk.evaluations else self.barren + 1
            await self.outage.landed(desk)
        elif isinstance(error, BudgetExhausted):
            self.exhausted = error.where or "budget"
            await self._give_up(desk, "budget")
        elif isinstance(error, (ModelFault, SandboxFault, EvaluatorFault)):
            await self._bear(desk, error)
        elif isinstance(error, NightforgeError):
            self.trouble = error
        else:
            raise error

    async def _bear(self, desk: Desk, fault: ModelFault | SandboxFault | EvaluatorFault) -> None:
        """Our side broke: again, or on without this candidate, or not on at all."""
        self.last_fault = fault
        if await self.outage.bear(desk, fault):
            await self._give_up(desk, "model_fault", str(fault))
            return
        self.faults += 1
        if self.faults >= FAULTS_IN_A_ROW:
            self.trouble = fault
        elif isinstance(fault, ModelFault):
            await self._give_up(desk, "model_fault", str(fault))
        elif desk.tries + 1 >= TRIES and desk.ordinal != 0:
            await self._give_up(desk, "evaluator_fault", str(fault))
        else:
            row = self.workshop.store.candidate(self.workshop.campaign_id, desk.ordinal)
            self._take_up(row, desk.workshop, desk.tries + 1)

    async def _give_up(self, desk: Desk, reason: str, detail: str = "") -> None:
        """The run ends here; what its evidence said of it before stays true."""
        shop = self.workshop
        state, known = desk.fate or (CandidateState.REJECTED, reason)
        await shop.store.append_event(
            shop.campaign_id,
            "candidate.given_up" if desk.fate is None else "candidate.cut_short",
            {"reason": reason, "detail": detail[:500]},
            ordinal=desk.ordinal,
        )
        await shop.store.finish_candidate(shop.campaign_id, desk.ordinal, state, reason=known)
        await tell(desk, state, known)

    async def _drain(self) -> None:
        """Let what is in flight end; a second interrupt cancels it. Raises the trouble."""
        while self.flight and not self.control.is_over:
            await self.control.obey()
            await self._wait()
        await self.abandon()
        self._raise_trouble()
        if not self.control.is_over:
            await self.workshop.settle_reuse()
