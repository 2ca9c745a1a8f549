"""The machine's broker: what all campaigns of a machine share, whichever database they write to.

Slots and measuring leases are locks of the kernel (`tools.slots`): they are free again the moment their holder dies.
Pace and dollars are kept in one small database (`tools.broker_ledger`): what a dead process had reserved counts as
spent. `NoBroker` is for tests and for programs that share nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nightforge.errors import BudgetExhausted, PlatformFault
from tools.broker_ledger import PICODOLLARS, Ledger, Refused

POLL_S = 0.25
"""While only the reserves of others stand in the way of a dollar."""


logger = logging.getLogger(__name__)

PAUSE_CHECK_S = 0.25
"""How old the news of a pause may be where an endpoint has no pace: each look is a read of the shared file."""
BOOKING_S = 1.0
"""Dollars of a machine without a daily cap are booked together, this long after the first of them."""


class NoTurn(Exception):
    """The machine's campaigns share an endpoint's pace, and the next turn lies too far ahead."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"the next turn comes in {wait_s:.0f} s")
        self.wait_s = wait_s


@dataclass(frozen=True)
class Rate:
    """What an endpoint allows; None means no limit that we know of."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None

    def __post_init__(self) -> None:
        for limit in (self.requests_per_minute, self.tokens_per_minute):
            if limit is not None and not limit > 0:
                raise ValueError(f"a rate must be above zero, not {limit}")

    @property
    def is_bounded(self) -> bool:
        return self.requests_per_minute is not None or self.tokens_per_minute is not None


class Held(Protocol):
    """Dollars of the day held for one request. Ends exactly once; a second end changes nothing."""

    async def settle(self, cost_usd: float) -> None:
        """Book what it really cost, be it more than was held."""
        ...

    async def settle_in_full(self) -> None:
        """Book all that was held: what it really cost is unknown."""
        ...

    async def release(self) -> None:
        """Nothing was spent."""
        ...


class Broker(Protocol):
    """What a model client asks before each request that leaves the machine. Safe to use from several tasks."""

    async def admit(
        self, endpoint: str, rate: Rate, *, tokens: int = 0, patience_s: float = math.inf, pause_s: float = math.inf
    ) -> float:
        """Wait for this request's turn among all campaigns of the machine; returns the seconds waited.

        `tokens` is the request's bound; `refund` gives back what it did not use. Turns are given in order. Raises
        NoTurn at once, and takes none, where it lies more than `patience_s` ahead, or the endpoint asked everybody
        to stay away for more than `pause_s`. A caller who leaves while waiting only wastes its turn.
        """
        ...

    async def refund(self, endpoint: str, rate: Rate, *, tokens: int) -> None:
        """Tokens that were admitted and not used."""
        ...

    async def pause(self, endpoint: str, seconds: float) -> None:
        """Nobody on this machine asks the endpoint again before that (Retry-After)."""
        ...

    async def hold(self, cost_usd: float, *, campaign_id: str) -> Held:
        """Hold dollars of today's cap; waits while only what others hold stands in the way.

        Raises BudgetExhausted (`where` is `daily:cost_usd`) when the amount cannot fit today.
        """
        ...


@dataclass
class _Hold:
    ledger: Ledger
    number: int
    amount_usd: float
    is_open: bool = True

    async def settle(self, cost_usd: float) -> None:
        if self.is_open:
            self.is_open = False
            # Shielded: a cancelled request is settled all the same.
            await asyncio.shield(asyncio.to_thread(self.ledger.settle, self.number, cost_usd))

    async def settle_in_full(self) -> None:
        await self.settle(self.amount_usd)

    async def release(self) -> None:
        await self.settle(0.0)


@dataclass
class _Uncapped:
    broker: MachineBroker
    campaign_id: str
    amount_usd: float
    is_open: bool = True

    async def settle(self, cost_usd: float) -> None:
        if self.is_open:
            self.is_open = False
            if cost_usd > 0:
                self.broker.note(self.campaign_id, cost_usd)

    async def settle_in_full(self) -> None:
        await self.settle(self.amount_usd)

    async def release(self) -> None:
        await self.settle(0.0)


class MachineBroker:
    """`Broker` on a folder that all campaigns of one user on this machine share."""

    def __init__(self, folder: Path, *, daily_usd: float | None = None) -> None:
        self._ledger = Ledger(folder)
        self._daily_usd = daily_usd
        self._pauses: dict[str, tuple[float, float]] = {}
        """Endpoint → (when the shared file was looked at, until when nobody asks it), by this process's clock."""
        self._unbooked: Counter[str] = Counter()
        """Campaign → picodollars."""
        self._booking: asyncio.TimerHandle | None = None
        self._guard = threading.Lock()

    def close(self) -> None:
        if self._booking is not None:
            self._booking.cancel()
        self._book()
        self._ledger.close()

    async def admit(
        self, endpoint: str, rate: Rate, *, tokens: int = 0, patience_s: float = math.inf, pause_s: float = math.inf
    ) -> float:
        wait_s = await self._paused_s(endpoint)
        if wait_s > pause_s:
            raise NoTurn(wait_s)
        if rate.is_bounded:
            limits = (rate.requests_per_minute, rate.tokens_per_minute)
            wait_s = await asyncio.to_thread(
                self._ledger.admit, endpoint, *limits, tokens, patience_s=max(patience_s, 0.0)
            )
        if wait_s > patience_s:
            raise NoTurn(wait_s)
        waited_s = wait_s
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            # A pause that came meanwhile holds for those who were already waiting, too.
            wait_s = await self._paused_s(endpoint)
            waited_s += wait_s
        return waited_s

    async def _paused_s(self, endpoint: str) -> float:
        """A pause of another process is noticed within `PAUSE_CHECK_S`; one of this process at once."""
        now_s = time.monotonic()
        looked_at_s, until_s = self._pauses.get(endpoint, (-math.inf, 0.0))
        if now_s - looked_at_s > PAUSE_CHECK_S:
            paused_s = await asyncio.to_thread(self._ledger.paused_s, endpoint)
            until_s = now_s + paused_s if paused_s > 0 else 0.0
            self._pauses[endpoint] = (now_s, until_s)
        return max(0.0, until_s - time.monotonic())

    async def refund(self, endpoint: str, rate: Rate, *, tokens: int) -> None:
        if rate.tokens_per_minute is not None and tokens > 0:
            await asyncio.to_thread(self._ledger.refund, endpoint, rate.tokens_per_minute, tokens)

    async def pause(self, endpoint: str, seconds: float) -> None:
        await asyncio.to_thread(self._ledger.pause, endpoint, seconds)
        self._pauses.pop(endpoint, None)

    async def hold(self, cost_usd: float, *, campaign_id: str) -> Held:
        if cost_usd <= 0:
            return FREE
        if self._daily_usd is None:
            return _Uncapped(self, campaign_id, cost_usd)
        while True:
            number = await asyncio.to_thread(self._ledger.hold, cost_usd, campaign_id, self._daily_usd)
            if not isinstance(number, Refused):
                return _Hold(self._ledger, number, cost_usd)
            if not number.may_fit_later:
                raise BudgetExhausted(
                    f"${number.spent_usd:.4f} of today's ${self._daily_usd} are spent on this machine and a call may "
                    f"cost up to ${cost_usd:.4f}",
                    where="daily:cost_usd",
                    hint="raise daily_usd in the settings, or go on tomorrow with `nightforge resume`",
                )
            await asyncio.sleep(POLL_S)

    def note(self, campaign_id: str, cost_usd: float) -> None:
        """Spent without a cap: booked with what else comes within `BOOKING_S`, or when the broker is closed. Only
        a kill loses it, and only for the caps of other campaigns: this one's own spending stands in its rows."""
        with self._guard:
            self._unbooked[campaign_id] += math.ceil(cost_usd * PICODOLLARS)
        if self._booking is None:
            loop = asyncio.get_running_loop()
            self._booking = loop.call_later(BOOKING_S, lambda: loop.run_in_executor(None, self._book))

    def _book(self) -> None:
        with self._guard:
            unbooked, self._unbooked, self._booking = self._unbooked, Counter(), None
        for campaign_id, pico in unbooked.items():
            try:
                self._ledger.book(campaign_id, pico)
            except PlatformFault as fault:
                logger.warning("%d picodollars of %s are missing in the day's sum: %s", pico, campaign_id, fault)

    def spent_today_usd(self) -> float:
        """By all campaigns that share this broker, what is held now apart."""
        self._book()
        return self._ledger.spent_today_usd()


class _Free:
    async def settle(self, cost_usd: float) -> None:
        return None

    async def settle_in_full(self) -> None:
        return None

    async def release(self) -> None:
        return None


FREE: Held = _Free()
"""Held for a request that costs nothing."""


class NoBroker:
    """Shares nothing: no pace, no daily cap."""

    async def admit(
        self, endpoint: str, rate: Rate, *, tokens: int = 0, patience_s: float = math.inf, pause_s: float = math.inf
    ) -> float:
        return 0.0

    async def refund(self, endpoint: str, rate: Rate, *, tokens: int) -> None:
        return None

    async def pause(self, endpoint: str, seconds: float) -> None:
        return None

    async def hold(self, cost_usd: float, *, campaign_id: str) -> Held:
        return FREE
