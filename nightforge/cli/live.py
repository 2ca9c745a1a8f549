"""What is shown while a campaign runs: one live line at a terminal, plain lines elsewhere.

It reads the store's tally and events and nothing else, so that what it shows is what is saved.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightforge.cli.words import duration, metric_text
from nightforge.domain.words import CampaignState, CandidateState
from nightforge.report.data import stated_metric
from nightforge.report.facts import is_spent, seconds_left
from nightforge.report.states import class_note, reason_words
from nightforge.report.text import clean_line, money

if TYPE_CHECKING:
    from rich.live import Live

    from nightforge.cli.output import Output
    from nightforge.domain.candidate import Campaign, Candidate, Event, Tally
    from nightforge.domain.evidence import Metric
    from nightforge.domain.ports import Store

LOOK_S = 0.5
SEPARATOR = " · "
PLAIN_EVERY_S = 10.0
PLAIN_LATER_S = 60.0
"""Between plain lines after the first two minutes: a night is no reason for a log of thousands of lines."""
REASONS_SHOWN = 3
NEWS = frozenset({"campaign.state", "candidate.best", "candidate.confirmed", "planner.decision", "candidate.given_up"})


@dataclass
class LiveDisplay:
    store: Store
    campaign_id: str
    output: Output
    monotonic: Callable[[], float] = time.monotonic
    started: float = field(init=False)
    active_before_s: float = field(init=False)
    after: int = -1
    best: str = ""
    best_seen: tuple[int | None, float | None] = (None, None)
    confirmed: bool = False
    """A candidate was re-measured since the display began."""
    state: CampaignState = field(init=False)
    plain_at: float = float("-inf")
    campaign: Campaign = field(init=False)

    def __post_init__(self) -> None:
        self.campaign = self.store.campaign(self.campaign_id)
        self.state = self.campaign.state
        self.started = self.monotonic()
        self.active_before_s = self.campaign.tally.active_s
        self.after = self._last_sequence()

    async def run(self) -> None:
        """Until cancelled."""
        if self.output.quiet:
            return
        live = self._open_live()
        with live if live is not None else nullcontext():
            try:
                while True:
                    self.show(live)
                    await asyncio.sleep(LOOK_S)
            except asyncio.CancelledError:
                self.show(live)  # what came since the last look, which in a short campaign is most of it
                raise

    def show(self, live: Live | None) -> None:
        """One look: news as lasting lines, then the line."""
        tally = self._tally()
        events = self._follow_state(self._new_events())
        confirming = self.state is CampaignState.DRAINING and bool(tally.by_state.get(CandidateState.CONFIRMED))
        self._look_at_best(tally, confirming=confirming)
        line = status_line(self.campaign, self.state, tally, self.best)
        news = [news_line(event, *self._metric_of(event)) for event in events]
        if live is not None:
            from rich.text import Text

            for text in news:
                live.console.print(text)
            live.update(Text("\n".join(wrapped(line, live.console.width)), no_wrap=True, overflow="ellipsis"))
            return
        for text in news:
            self.output.note(text)
        now = self.monotonic()
        every = PLAIN_EVERY_S if now - self.started < 120 else PLAIN_LATER_S
        if now - self.plain_at >= every or any(event.kind == "candidate.best" for event in events):
            self.plain_at = now
            self.output.note(line)

    def _tally(self) -> Tally:
        """With the active time of this moment: the stored one is written once a second."""
        active_s = self.active_before_s + self.monotonic() - self.started
        return self.store.tally(self.campaign_id).model_copy(update={"active_s": active_s})

    def _open_live(self) -> Live | None:
        if not sys.stderr.isatty():
            return None
        from rich.live import Live

        return Live(console=self.output.console(stderr=True), refresh_per_second=2, transient=True)

    def _new_events(self) -> list[Event]:
        events = list(self.store.events(self.campaign_id, after=self.after, limit=500))
        if events:
            self.after = events[-1].sequence
        return [event for event in events if event.kind in NEWS]

    def _last_sequence(self) -> int:
        after = -1
        while events := self.store.events(self.campaign_id, after=after, limit=1000):
            after = events[-1].sequence
        return after

    def _follow_state(self, events: list[Event]) -> list[Event]:
        """The events without those that say the state again, or name a best measured one once others are confirmed:
        what is confirmed counts more and stands in the ranking.
        """
        news = []
        for event in events:
            self.confirmed |= event.kind == "candidate.confirmed"
            if event.kind == "candidate.best" and self.confirmed and self.state is CampaignState.DRAINING:
                continue
            if event.kind == "campaign.state":
                before = self.state
                with suppress(ValueError):
                    self.state = CampaignState(str(event.payload.get("to")))
                if self.state is before:
                    continue
            news.append(event)
        return news

    def _look_at_best(self, tally: Tally, *, confirming: bool) -> None:
        """The best's interval is in its evidence, which is read again only when the best is another one."""
        if confirming:
            for candidate in self.store.ranked(self.campaign_id, limit=1):
                self.best = best_text(self.campaign, candidate)
            return
        if tally.best_ordinal is None or (tally.best_ordinal, tally.best_score) == self.best_seen:
            return
        self.best_seen = (tally.best_ordinal, tally.best_score)
        self.best = best_text(self.campaign, self.store.candidate(self.campaign_id, tally.best_ordinal))

    def _metric_of(self, event: Event) -> tuple[Metric | None, str]:
        """The number an event is about (measured for a new best, confirmed for a confirmation), and its class."""
        if event.ordinal is None or event.kind not in {"candidate.best", "candidate.confirmed"}:
            return None, ""
        candidate = self.store.candidate(self.campaign_id, event.ordinal)
        evidence = candidate.evidence if event.kind == "candidate.best" else candidate.confirmation
        metric = evidence.metrics.get(self.campaign.plan.objectives[0].metric) if evidence is not None else None
        return metric, class_note(evidence)


def best_text(campaign: Campaign, candidate: Candidate) -> str:
    """Name, value, interval, and whether that is a measured or a confirmed one."""
    metric = stated_metric(candidate, campaign.plan.objectives[0].metric)
    if metric is None:
        return ""
    name = "the seed" if candidate.ordinal == 0 else f".{candidate.ordinal}"
    return f"{name} {metric_text(metric)} ({candidate.state.value}{class_note(candidate.evidence)})"


def status_line(campaign: Campaign, state: CampaignState, tally: Tally, best: str) -> str:
    """best · evaluations/h · in flight · failures · cost/cap · ETA."""
    if tally.candidates == 0:
        return "rehearsing: candidates of known fate go first"
    plan = campaign.plan
    in_flight = sum(count for state, count in tally.by_state.items() if not state.is_terminal)
    rate = tally.evaluations / tally.active_s * 3600 if tally.active_s > 0 else 0.0
    rejected = tally.by_state.get(CandidateState.REJECTED, 0)
    parts = [f"best {best or 'none yet'}", f"{tally.evaluations} evaluated ({rate:.0f}/h)", f"{in_flight} in flight"]
    cap = f" of {money(plan.budget.cost_usd)}" if plan.budget.cost_usd is not None else ""
    if plan.models or cap:
        parts.append(f"{money(tally.cost_usd)}{cap}")
    parts.append(_ending(campaign, state, tally, in_flight))
    if rejected:
        # Who was measured again and stays as measured has a reason, too, and is not rejected.
        failed = [item for item in tally.by_reason.items() if not item[0].startswith("evidence is ")]
        worst = sorted(failed, key=lambda item: -item[1])[:REASONS_SHOWN]
        parts.append(f"{rejected} rejected: " + ", ".join(f"{count} {clean_line(reason)}" for reason, count in worst))
    return SEPARATOR.join(parts)


def _ending(campaign: Campaign, state: CampaignState, tally: Tally, in_flight: int) -> str:
    """When it ends, or what goes on after the search ended."""
    if state is CampaignState.DRAINING:
        done = tally.by_state.get(CandidateState.CONFIRMED, 0)
        return "draining" if in_flight else f"confirming the best {campaign.plan.search.confirm_top}: {done} confirmed"
    if is_spent(campaign.plan.budget, tally):
        return "the budget is used: what is in flight is finished"
    left = seconds_left(campaign.plan.budget, tally)
    return f"ends in about {duration(left)}" if left is not None else f"running {duration(tally.active_s)}"


def wrapped(line: str, width: int) -> list[str]:
    """Broken at the dots where a terminal is too narrow, so that nothing is cut off."""
    lines = [""]
    for part in line.split(SEPARATOR):
        if lines[-1] and len(lines[-1]) + len(SEPARATOR) + len(part) <= width:
            lines[-1] += SEPARATOR + part
        elif lines[-1]:
            lines.append(f"  {part}")
        else:
            lines[-1] = part
    return lines


def news_line(event: Event, metric: Metric | None = None, note: str = "") -> str:
    """One lasting line; an event is ours, but words in it may quote a candidate. `note` stands behind the number."""
    at = event.at.astimezone().strftime("%H:%M:%S")
    words = {key: clean_line(str(value)) for key, value in event.payload.items() if value not in (None, "")}
    if event.kind == "candidate.best":
        return f"{at} best is .{event.ordinal}{' (the seed)' if event.ordinal == 0 else ''}{_at(metric, note)}"
    if event.kind == "candidate.confirmed":
        reason = f" ({words['reason']})" if words.get("reason") else ""
        return f"{at} .{event.ordinal} re-measured: {words.get('to', '')}{_at(metric, note)}{reason}"
    if event.kind == "campaign.state":
        reason = f" ({reason_words(words['reason'])})" if words.get("reason") else ""
        return f"{at} {words.get('to', '')}{reason}"
    details = ", ".join(f"{key} {value}" for key, value in words.items())
    return f"{at} {event.kind}{f' .{event.ordinal}' if event.ordinal is not None else ''}: {details}"


def _at(metric: Metric | None, note: str) -> str:
    return f" at {metric_text(metric)}{note}" if metric is not None else ""
