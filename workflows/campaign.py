"""The campaign: while not stop: obey, fill, wait, tell. Many candidates are in flight; each commits its own stages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, field

from nightforge.domain.candidate import Candidate
from nightforge.domain.words import CampaignState, CandidateState
from nightforge.errors import (
    BudgetExhausted,
    EvaluatorFault,
    ModelFault,
    NightforgeError,
    RehearsalFailed,
    SandboxFault,
)
from workflows.contract import StopSwitch
from workflows.control import Control
from workflows.graph import CandidateGraph, build_graph
from workflows.stopping import Progress, StopRule, first_reason, rules_for
from workflows.workshop import Desk, Workshop

TICK_S = 0.25
FAULTS_IN_A_ROW = 4
"""Platform faults without a success between them that pause the campaign."""


@dataclass
class Campaign:
    workshop: Workshop
    stop: StopSwitch
    graph: CandidateGraph = field(init=False)
    rules: Sequence[StopRule] = field(init=False)
    flight: dict[asyncio.Task[None], Desk] = field(default_factory=dict)
    next_ordinal: int = 0
    barren: int = 0
    faults: int = 0
    exhausted: str = ""
    """The cap that a reservation inside a candidate's run met."""
    trouble: NightforgeError | None = None
    started: float = 0.0
    active_before_s: float = 0.0

    def __post_init__(self) -> None:
        plan = self.workshop.plan
        drafts, repairs = plan.search.drafts, plan.search.repairs
        self.graph = build_graph(self.workshop.preset, drafts=drafts, repairs=repairs)
        self.rules = rules_for(plan, self.workshop.calibration)

    async def run(self, lost: asyncio.Event) -> str:
        """Search until a rule, a person or trouble ends it; returns the reason. Raises the trouble, state saved.

        `lost` is set when another process took the campaign over (`workflows.ownership`).
        """
        shop = self.workshop
        control = Control(shop.store, shop.campaign_id, self.stop, shop.clock)
        await shop.store.set_campaign_state(shop.campaign_id, CampaignState.RUNNING)
        reason = None
        while reason is None:
            await control.obey()
            reason = self._reason_to_stop(lost)
            if reason is None and not control.paused:
                self._fill()
            await self._wait()
        await shop.store.set_campaign_state(shop.campaign_id, CampaignState.DRAINING, reason=reason)
        await self._drain(control)
        if self.trouble is not None:
            raise self.trouble
        return reason

    async def start(self) -> None:
        """Take up what an earlier session left, then plant the seed if it has not been."""
        await self._recover()
        if self.next_ordinal == 0:
            self._launch(0, None).reservation = self.workshop.budget.reserve(evaluations=1)
            self.next_ordinal = 1
        if not self._seed_is_done():
            await self.land_all()
        if self.stop.immediate:
            return
        seed = self.workshop.store.candidate(self.workshop.campaign_id, 0)
        if seed.state is CandidateState.REJECTED:
            failure = seed.evidence.failure if seed.evidence else None
            raise RehearsalFailed(
                f"the seed does not pass its own evaluator: {seed.reason}"
                + (f"\n{failure.feedback[:1000]}" if failure else ""),
                where=f"task {self.workshop.task.name}",
                hint="run `nightforge doctor`; if the machine is busy, try again when it is not",
            )

    def _seed_is_done(self) -> bool:
        return all(desk.ordinal != 0 for desk in self.flight.values())

    async def try_one(self, workshop: Workshop) -> int:
        """One candidate made with `workshop` (another team, same campaign), awaited; returns its ordinal."""
        ordinal = self.next_ordinal
        self.next_ordinal += 1
        self._launch(ordinal, None, workshop)
        await self.land_all()
        return ordinal

    async def land_all(self) -> None:
        while self.flight and self.trouble is None and not self.stop.immediate:
            await self._wait()
        if self.trouble is not None:
            raise self.trouble

    async def _recover(self) -> None:
        """Take up what an earlier session left: lost calls are booked, unfinished candidates go on."""
        shop = self.workshop
        await shop.store.book_lost_calls(shop.campaign_id)
        self.next_ordinal = shop.store.next_ordinal(shop.campaign_id)
        self.started = shop.clock.monotonic()
        self.active_before_s = shop.store.tally(shop.campaign_id).active_s
        for candidate in shop.store.unfinished(shop.campaign_id):
            self._launch(candidate.ordinal, candidate)

    def _reason_to_stop(self, lost: asyncio.Event) -> str | None:
        if self.trouble is not None:
            return "trouble"
        if lost.is_set():
            self.stop.draining = self.stop.immediate = True
            return "lease-lost"
        if self.stop.draining:
            return "stopped" if self.stop.ended else "interrupted"
        if self.exhausted:
            return self.exhausted
        return first_reason(self.rules, self.progress())

    def progress(self) -> Progress:
        shop = self.workshop
        seconds = shop.calibration.seconds_per_evaluation if shop.calibration else 0.0
        return Progress(
            tally=shop.store.tally(shop.campaign_id),
            active_s=self.active_before_s + shop.clock.monotonic() - self.started,
            in_flight=len(self.flight),
            barren=self.barren,
            reserve_s=2.0 * seconds * shop.plan.search.confirm_top,
        )

    def _fill(self) -> None:
        """Start candidates while there is room in flight and an evaluation left to reserve."""
        while len(self.flight) < self.workshop.plan.search.in_flight:
            try:
                reservation = self.workshop.budget.reserve(evaluations=1)
            except BudgetExhausted:
                return
            self._launch(self.next_ordinal, None).reservation = reservation
            self.next_ordinal += 1

    def _launch(self, ordinal: int, resumed: Candidate | None, workshop: Workshop | None = None) -> Desk:
        desk = Desk(workshop or self.workshop, ordinal, resumed)
        # A context of its own: the campaign-level graph's run must not be taken for this run's parent.
        task = asyncio.create_task(self._fly(desk), name=f"candidate-{ordinal}", context=Context())
        self.flight[task] = desk
        return desk

    async def _fly(self, desk: Desk) -> None:
        try:
            await self.graph.ainvoke({}, context=desk)
        finally:
            if desk.reservation is not None:
                desk.reservation.release()
                desk.reservation = None

    async def _wait(self) -> None:
        if not self.flight:
            await asyncio.sleep(TICK_S)
            return
        done, _ = await asyncio.wait(self.flight, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            desk = self.flight.pop(task)
            await self._land(desk, task.exception())

    async def _land(self, desk: Desk, error: BaseException | None) -> None:
        if error is None:
            self.faults = 0
            self.barren = 0 if desk.evaluations else self.barren + 1
        elif isinstance(error, BudgetExhausted):
            self.exhausted = error.where
            await self._give_up(desk, "budget")
        elif isinstance(error, ModelFault) and self.faults + 1 < FAULTS_IN_A_ROW:
            self.faults += 1
            await self._give_up(desk, "model_fault", str(error))
        elif isinstance(error, (SandboxFault, EvaluatorFault)) and self.faults + 1 < FAULTS_IN_A_ROW:
            self.faults += 1
            row = self.workshop.store.candidate(self.workshop.campaign_id, desk.ordinal)
            self._launch(desk.ordinal, row)
        elif isinstance(error, NightforgeError):
            self.trouble = error
        else:
            raise error

    async def _give_up(self, desk: Desk, reason: str, detail: str = "") -> None:
        shop = self.workshop
        await shop.store.append_event(
            shop.campaign_id, "candidate.given_up", {"reason": reason, "detail": detail[:500]}, ordinal=desk.ordinal
        )
        await shop.store.finish_candidate(shop.campaign_id, desk.ordinal, CandidateState.REJECTED, reason=reason)

    async def _drain(self, control: Control) -> None:
        """Let what is in flight end; a second interrupt cancels it (its rows stay, for `resume`)."""
        while self.flight and not self.stop.immediate:
            await control.obey()
            await self._wait()
        for task in self.flight:
            task.cancel()
        await asyncio.gather(*self.flight, return_exceptions=True)
        self.flight.clear()
