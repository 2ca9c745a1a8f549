"""The watcher of a detached campaign: starts it, and starts it again when it dies, at most five times an hour.

It does nothing else, so that there is little in it that could die; what it did is in the campaign's events.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from nightforge.domain.base import Json
from nightforge.domain.words import CampaignState
from nightforge.errors import NightforgeError, PlatformFault, StoreFault
from nightforge.store import open_store
from sandbox.detached import FINAL_CODES, RESTARTS_PER_HOUR, Child
from tools import slots
from tools.clock import SystemClock

logger = logging.getLogger(__name__)

HOUR_S = 3600.0
LOOK_S = 0.5
FAULT_PAUSE_S = 30.0
"""After a fault of the platform (exit 1); a process that was killed is followed at once."""
ENDED = frozenset({CampaignState.FINISHED, CampaignState.FAILED})


@dataclass
class Watcher:
    campaign_id: str
    database_url: str
    command: list[str]
    log: Path
    first_command: list[str] | None = None
    """Instead of `command`, the first time."""
    restarts_per_hour: int = RESTARTS_PER_HOUR
    fault_pause_s: float = FAULT_PAUSE_S
    monotonic: Callable[[], float] = time.monotonic
    _starts: deque[float] = field(default_factory=deque)
    _asked_to_end: threading.Event = field(default_factory=threading.Event)
    _child: Child | None = None

    def run(self) -> int:
        """Until the campaign has ended, is stopped or has died too often; returns its exit code.

        Raises PlatformFault when another watcher looks after the campaign already.
        """
        try:
            with slots.hold(f"watch-{self.campaign_id}", timeout_s=1.0):
                return self._watch()
        except PlatformFault as fault:
            if "watch-" in str(fault):
                raise PlatformFault(
                    f"campaign {self.campaign_id} is watched already", where="watch", hint="see `nightforge list`"
                ) from None
            raise

    def _watch(self) -> int:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        while True:
            code = self._run_once()
            if self._is_final(code):
                return code if code >= 0 else 1
            now_s = self.monotonic()
            while self._starts and now_s - self._starts[0] > HOUR_S:
                self._starts.popleft()
            if len(self._starts) >= self.restarts_per_hour:
                self._tell("watch.gave_up", code)
                return 1
            self._starts.append(now_s)
            if code == 1 and self._asked_to_end.wait(self.fault_pause_s):
                return code
            self._tell("watch.restarted", code)

    def _run_once(self) -> int:
        command, self.first_command = self.first_command or self.command, None
        child = self._child = Child(command, self.log)
        while (code := child.wait(LOOK_S)) is None:
            pass
        self._child = None
        return code

    def _is_final(self, code: int) -> bool:
        return code in (0, *FINAL_CODES) or self._asked_to_end.is_set() or self._state() in ENDED

    def _end(self, number: int, frame: FrameType | None) -> None:
        """The first signal drains the campaign, a second stops it now: it counts them itself."""
        self._asked_to_end.set()
        if self._child is not None:
            self._child.tell(signal.SIGTERM)

    def _state(self) -> CampaignState | None:
        """None where the database cannot be read: the restart will find out."""
        try:
            store = open_store(self.database_url, clock=SystemClock())
            try:
                return store.campaign(self.campaign_id).state
            finally:
                asyncio.run(store.close())
        except NightforgeError as error:
            logger.warning("the state of %s cannot be read: %s", self.campaign_id, error)
            return None

    def _tell(self, kind: str, code: int) -> None:
        died_of = signal.Signals(-code).name if code < 0 else f"exit {code}"
        logger.warning("%s: %s ended with %s", kind, self.campaign_id, died_of)
        try:
            store = open_store(self.database_url, clock=SystemClock())
        except NightforgeError as error:
            logger.warning("the event cannot be written: %s", error)
            return

        async def write() -> None:
            try:
                payload: dict[str, Json] = {"cause": died_of, "restarts_in_the_last_hour": len(self._starts)}
                await store.append_event(self.campaign_id, kind, payload)
            except StoreFault as error:
                logger.warning("the event cannot be written: %s", error)
            finally:
                await store.close()

        asyncio.run(write())
