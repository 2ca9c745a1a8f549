"""Control goes through the database: what a person asked for is read between steps and obeyed.

A command is obeyed first and taken afterwards: a process that dies in between leaves it to the next session, and
obeying twice does no harm. Hints, stars, discards and caps are rows of their own by the time that a command names them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from nightforge.domain.candidate import Command
from nightforge.domain.ports import Clock, Store
from nightforge.domain.words import CampaignState
from workflows.contract import StopSwitch
from workflows.ownership import Tenure

T = TypeVar("T")
LOOK_S = 0.25
STOPS = {"stop": "stopped", "stop-now": "interrupted"}
"""Command → the reason that the campaign drains with."""


async def _nothing_changes() -> None:
    return None


async def _nothing_changes_of(ordinal: int) -> None:
    return None


@dataclass
class Control:
    """Obeys commands; `paused` stops new candidates, `stop` drains or ends."""

    store: Store
    tenure: Tenure
    stop: StopSwitch
    clock: Clock
    paused: bool = False
    may_pause: bool = False
    """Only the search can pause: draining and confirmation are short, and end by themselves."""
    has_searched: bool = False
    """A pause before the search begins, in the rehearsal, holds when it does."""
    looked_at: float = float("-inf")
    on_hint: Callable[[], None] = lambda: None
    on_budget: Callable[[], Awaitable[None]] = _nothing_changes
    on_discard: Callable[[int], Awaitable[None]] = _nothing_changes_of

    @property
    def is_over(self) -> bool:
        """Nothing may go on: a person stops it now, or it is no longer ours."""
        return self.stop.immediate or self.tenure.trouble is not None

    async def take_up(self, state: CampaignState, reason: str, *, through: int) -> None:
        """What was said to earlier sessions: a person who resumes starts afresh, a watcher goes on as it was.

        Commands after number `through` were said to this session, and are waiting for it. Hints and caps are rows,
        and hold for both.
        """
        self.on_hint()
        if not self.stop.watched:
            for command in self.store.waiting_commands(self.tenure.campaign_id):
                if command.command == "discard" and command.sequence <= through:
                    await self._obey(command)
            await self.store.take_commands(self.tenure.campaign_id, through=through)
        elif state is CampaignState.PAUSED and reason == "asked":
            self.paused = True
        elif state is CampaignState.DRAINING and reason in STOPS.values():
            self.stop.end()

    async def pause_again(self) -> None:
        """The search begins: a session that was paused when its process died stays paused."""
        self.may_pause = self.has_searched = True
        if self.paused:
            await self._pause(is_paused=True)

    async def obey(self) -> None:
        """At most four looks a second: a look costs a query."""
        if self.is_over or self.clock.monotonic() - self.looked_at < LOOK_S:
            return
        self.looked_at = self.clock.monotonic()
        campaign_id = self.tenure.campaign_id
        for command in self.store.waiting_commands(campaign_id):
            await self._obey(command)
            await self.store.take_commands(campaign_id, through=command.sequence)

    async def _obey(self, command: Command) -> None:
        campaign_id = self.tenure.campaign_id
        match command.command:
            case "pause" | "resume" if not self.has_searched:
                self.paused = command.command == "pause"
            case "pause" | "resume" if not self.may_pause:
                await self.store.append_event(
                    campaign_id,
                    "control.passed_over",
                    {"command": command.command, "reason": "only a search that runs can be paused"},
                )
            case "pause":
                await self._pause(is_paused=True)
            case "resume":
                await self._pause(is_paused=False)
            case "stop" | "stop-now":
                # Written before it is taken, so that a watcher's next session knows of it.
                reason = STOPS[command.command]
                await self.store.set_campaign_state(campaign_id, CampaignState.DRAINING, reason=reason)
                if command.command == "stop":
                    self.stop.end()
                else:
                    self.stop.draining = self.stop.immediate = True
            case "hint":
                self.on_hint()
            case "budget":
                await self.on_budget()
            case "discard":
                await self.on_discard(int(command.text))

    async def _pause(self, *, is_paused: bool) -> None:
        self.paused = is_paused
        self.tenure.rest(is_resting=is_paused)
        state, reason = (CampaignState.PAUSED, "asked") if is_paused else (CampaignState.RUNNING, "")
        await self.store.set_campaign_state(self.tenure.campaign_id, state, reason=reason)

    async def attend(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` returns; None, and `work` cancelled, when a person stops the campaign now or it is lost."""
        task = asyncio.create_task(work)
        try:
            while not task.done() and not self.is_over:
                await asyncio.wait([task], timeout=LOOK_S)
                await self.obey()
            return await task if task.done() else None
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
