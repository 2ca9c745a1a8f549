"""Control goes through the database: what a person asked for is read between steps and obeyed."""

from __future__ import annotations

from dataclasses import dataclass

from nightforge.domain.ports import Clock, Store
from nightforge.domain.words import CampaignState
from workflows.contract import StopSwitch

LOOK_S = 0.25


@dataclass
class Control:
    """Obeys commands; `paused` stops new candidates, `stop` drains or ends."""

    store: Store
    campaign_id: str
    stop: StopSwitch
    clock: Clock
    paused: bool = False
    looked_at: float = float("-inf")

    async def obey(self) -> None:
        """At most four looks a second: a look costs a query."""
        if self.clock.monotonic() - self.looked_at < LOOK_S:
            return
        self.looked_at = self.clock.monotonic()
        for command in await self.store.take_commands(self.campaign_id):
            match command.command:
                case "pause":
                    self.paused = True
                    await self.store.set_campaign_state(self.campaign_id, CampaignState.PAUSED, reason="asked")
                case "resume":
                    self.paused = False
                    await self.store.set_campaign_state(self.campaign_id, CampaignState.RUNNING)
                case "stop":
                    self.stop.end()
                case "stop-now":
                    self.stop.draining = self.stop.immediate = True
                case "hint":
                    await self.store.append_event(self.campaign_id, "control.hint", {"text": command.text})
