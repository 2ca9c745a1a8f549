"""What a person is told of while away: it watches the campaign's counters from beside, and only reads and posts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from nightforge.domain.base import Frozen, Json
from nightforge.domain.candidate import Campaign, Candidate, Tally
from nightforge.domain.ports import Clock, Store
from nightforge.domain.words import CampaignState, CandidateState
from nightforge.errors import NightforgeError
from nightforge.report.data import gather, stated_metric
from nightforge.report.facts import Cap, caps_of
from nightforge.report.headline import headline
from nightforge.report.states import reason_words
from nightforge.report.text import counted, duration, metric_text, money
from tools.notify import Notice, NoticeKind, Webhook

logger = logging.getLogger(__name__)

LOOK_S = 2.0
BUDGET_SHARE = 0.8
CHAMPIONS_EVERY_S = 600.0
"""In the first minutes the best changes often: the newest of that time is told."""
DOCUMENT = "notices"
SOUGHT = 64


class Told(Frozen):
    """The document `notices`: what must not be told again when the campaign goes on in another process."""

    caps: tuple[str, ...] = ()
    suspicious: int = 0
    best: int | None = None


@dataclass
class Herald:
    store: Store
    campaign_id: str
    clock: Clock
    webhook: Webhook
    stalled_s: float
    """Without a better candidate."""
    _told: Told = field(init=False)
    _number: int = 0
    _gained_at: float = field(init=False)
    _evaluated_at: float = field(init=False)
    _champion_at: float = float("-inf")
    _is_stalled: bool = False
    _best: tuple[int | None, float | None] = (None, None)
    _evaluations: int = 0

    def __post_init__(self) -> None:
        self._gained_at = self._evaluated_at = self.clock.monotonic()
        self._told = self.store.document(self.campaign_id, DOCUMENT, Told) or Told()
        tally = self.store.tally(self.campaign_id)
        self._best, self._evaluations = (tally.best_ordinal, tally.best_score_low), tally.evaluations

    async def run(self) -> None:
        """Until cancelled. A look that fails is logged, and the next one is made all the same."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except NightforgeError as error:
                logger.warning("notices of %s: %s", self.campaign_id, error)

    async def look(self) -> None:
        campaign = self.store.campaign(self.campaign_id)
        told = self._told
        if campaign.state is CampaignState.RUNNING:
            told = self._look_at_caps(campaign, told)
            self._look_for_standstill(campaign)
        else:
            self._gained_at = self._evaluated_at = self.clock.monotonic()  # pauses are no standstill
        told = self._look_for_suspects(campaign, told)
        told = self._look_for_champion(campaign, told)
        if told != self._told:
            self._told = told
            await self.store.save_document(self.campaign_id, DOCUMENT, told)

    def ended(self, state: CampaignState, reason: str) -> None:
        """The last word of a session: the report's headline, or why it cannot go on."""
        campaign = self.store.campaign(self.campaign_id)
        facts: dict[str, Json] = {"state": state.value, "reason": reason, **_spent(campaign.tally)}
        if state is CampaignState.PAUSED:
            self._post(NoticeKind.STALLED, campaign, f"{self.campaign_id} paused: {reason_words(reason)[:200]}", facts)
            return
        words = headline(gather(self.store, self.campaign_id))
        self._post(NoticeKind.FINISHED, campaign, f"{self.campaign_id} {state.value}. {words}", facts)

    def _look_at_caps(self, campaign: Campaign, told: Told) -> Told:
        caps = [cap for cap in caps_of(campaign.plan.budget, campaign.tally) if cap.name not in told.caps]
        for cap in caps:
            if cap.cap > 0 and cap.share >= BUDGET_SHARE:
                words = f"{self.campaign_id} has used {cap.share:.0%} of its {_cap_words(cap)}"
                facts: dict[str, Json] = {"cap": cap.name, "of": cap.cap, "used": cap.done}
                self._post(NoticeKind.BUDGET, campaign, words, facts)
                told = told.model_copy(update={"caps": (*told.caps, cap.name)})
        return told

    def _look_for_standstill(self, campaign: Campaign) -> None:
        tally, now = campaign.tally, self.clock.monotonic()
        best = (tally.best_ordinal, tally.best_score_low)
        if best != self._best:
            self._best, self._gained_at, self._is_stalled = best, now, False
        if tally.evaluations != self._evaluations:
            self._evaluations, self._evaluated_at = tally.evaluations, now
        if self._is_stalled:
            return
        silent, still = now - self._evaluated_at >= self.stalled_s, now - self._gained_at >= self.stalled_s
        if silent or still:
            self._is_stalled = True
            what = "nothing was evaluated" if silent else "no candidate was better"
            words = f"{self.campaign_id} stands still: {what} for {duration(self.stalled_s)}"
            self._post(NoticeKind.STALLED, campaign, words, {"evaluations": tally.evaluations})

    def _look_for_suspects(self, campaign: Campaign, told: Told) -> Told:
        count = campaign.tally.by_state.get(CandidateState.SUSPICIOUS, 0)
        if count <= told.suspicious:
            return told
        recent = self.store.recent(self.campaign_id, limit=SOUGHT)
        names: list[Json] = [one.ref for one in recent if one.state is CandidateState.SUSPICIOUS]
        words = f"{self.campaign_id}: {counted(count, 'candidate')} too good to be true, held out of the ranking"
        self._post(NoticeKind.SUSPICIOUS, campaign, words, {"candidates": names, "count": count})
        return told.model_copy(update={"suspicious": count})

    def _look_for_champion(self, campaign: Campaign, told: Told) -> Told:
        """The newest one, at most every ten minutes. Only confirmed numbers are called so."""
        ordinal, now = campaign.tally.best_ordinal, self.clock.monotonic()
        if ordinal in (None, 0, told.best) or now - self._champion_at < CHAMPIONS_EVERY_S:
            return told
        assert ordinal is not None
        best = self.store.candidate(self.campaign_id, ordinal)
        if not best.state.may_be_parent:
            return told
        self._champion_at = now
        self._post(NoticeKind.CHAMPION, campaign, self._champion_words(campaign, best), {"candidate": best.ref})
        return told.model_copy(update={"best": ordinal})

    def _champion_words(self, campaign: Campaign, best: Candidate) -> str:
        metric = stated_metric(best, campaign.plan.objectives[0].metric)
        value = f" at {metric_text(metric)}" if metric is not None else ""
        return f"{best.ref} leads{value} ({best.state.value})"

    def _post(self, kind: NoticeKind, campaign: Campaign, text: str, facts: dict[str, Json]) -> None:
        self._number += 1
        self.webhook.post(
            Notice(
                kind=kind,
                campaign_id=self.campaign_id,
                goal=campaign.plan.goal,
                text=text,
                at=self.clock.now(),
                facts=facts,
                number=self._number,
            )
        )


@asynccontextmanager
async def heralding(
    store: Store, campaign_id: str, clock: Clock, webhook: Webhook | None, *, stalled_s: float
) -> AsyncIterator[Herald | None]:
    """Around a campaign's session; None, and nothing done, without a webhook. It raises nothing of its own."""
    herald = None if webhook is None else _made(store, campaign_id, clock, webhook, stalled_s)
    if herald is None:
        yield None
        return
    task = asyncio.create_task(herald.run(), name=f"notices-{campaign_id}")
    try:
        yield herald
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _made(store: Store, campaign_id: str, clock: Clock, webhook: Webhook, stalled_s: float) -> Herald | None:
    try:
        return Herald(store, campaign_id, clock, webhook, stalled_s)
    except NightforgeError as error:
        logger.warning("no notices of %s: %s", campaign_id, error)
        return None


def tell_end(herald: Herald | None, state: CampaignState, reason: str) -> None:
    """As `Herald.ended`; a fault of it is logged, never raised."""
    if herald is None:
        return
    try:
        herald.ended(state, reason)
    except Exception as error:
        logger.warning("the end of %s was not told: %s", herald.campaign_id, error)


def _spent(tally: Tally) -> dict[str, Json]:
    return {"evaluations": tally.evaluations, "cost_usd": tally.cost_usd, "active_s": tally.active_s}


def _cap_words(cap: Cap) -> str:
    match cap.name:
        case "wall_s":
            return f"time ({duration(cap.cap)})"
        case "cost_usd":
            return f"dollars ({money(cap.cap)})"
        case _:
            return f"{cap.name} ({cap.cap:,.0f})"
