"""Control goes through the database: what a person asked for is read between steps and obeyed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from nightforge.domain.ports import Clock, Store
from nightforge.domain.words import CampaignState
from workflows.contract import StopSwitch
from workflows.ownership import Tenure

T = TypeVar("T")
LOOK_S = 0.25


@dataclass
class Control:
    """Obeys commands; `paused` stops new candidates, `stop` drains or ends."""

    store: Store
    tenure: Tenure
    stop: StopSwitch
    clock: Clock
    paused: bool = False
    may_pause: bool = False
    """Only the search can pause: rehearsal, draining and confirmation are short, and end by themselves."""
    looked_at: float = float("-inf")

    @property
    def is_over(self) -> bool:
        """Nothing may go on: a person stops it now, or it is no longer ours."""
        return self.stop.immediate or self.tenure.trouble is not None

    async def obey(self) -> None:
        """At most four looks a second: a look costs a query."""
        if self.is_over or self.clock.monotonic() - self.looked_at < LOOK_S:
            return
        self.looked_at = self.clock.monotonic()
        campaign_id = self.tenure.campaign_id
        for command in await self.store.take_commands(campaign_id):
            match command.command:
                case "pause" | "resume" if not self.may_pause:
                    await self.store.append_event(
                        campaign_id,
                        "control.passed_over",
                        {"command": command.command, "reason": "only a search that runs can be paused"},
                    )
                case "pause":
                    self._pause(is_paused=True)
                    await self.store.set_campaign_state(campaign_id, CampaignState.PAUSED, reason="asked")
                case "resume":
                    self._pause(is_paused=False)
                    await self.store.set_campaign_state(campaign_id, CampaignState.RUNNING)
                case "stop":
                    self.stop.end()
                case "stop-now":
                    self.stop.draining = self.stop.immediate = True
                case "hint":
                    await self.store.append_event(campaign_id, "control.hint", {"text": command.text})

    def _pause(self, *, is_paused: bool) -> None:
        self.paused = is_paused
        self.tenure.rest(is_resting=is_paused)

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
