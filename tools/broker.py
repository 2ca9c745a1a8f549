"""The machine's broker: what all campaigns of a machine share, whichever database they write to.

Slots and measuring leases are locks of the kernel (`tools.slots`): they are free again the moment their holder dies.
Pace and dollars are kept in one small database (`tools.broker_ledger`): what a dead process had reserved counts as
spent. `NoBroker` is for tests and for programs that share nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nightforge.errors import BudgetExhausted
from tools.broker_ledger import Ledger, Refused

POLL_S = 0.25
"""While only the reserves of others stand in the way of a dollar."""


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

    async def admit(self, endpoint: str, rate: Rate, *, tokens: int = 0) -> float:
        """Wait for this request's turn among all campaigns of the machine; returns the seconds waited.

        `tokens` is the request's bound; `refund` gives back what it did not use. Turns are given in order, and a
        caller who leaves while waiting only wastes its turn.
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


class MachineBroker:
    """`Broker` on a folder that all campaigns of one user on this machine share."""

    def __init__(self, folder: Path, *, daily_usd: float | None = None) -> None:
        self._ledger = Ledger(folder)
        self._daily_usd = daily_usd

    def close(self) -> None:
        self._ledger.close()

    async def admit(self, endpoint: str, rate: Rate, *, tokens: int = 0) -> float:
        wait_s = await asyncio.to_thread(
            self._ledger.admit, endpoint, rate.requests_per_minute, rate.tokens_per_minute, tokens
        )
        waited_s = wait_s
        while wait_s > 0:
            await asyncio.sleep(wait_s)
            # A pause that came meanwhile holds for those who were already waiting, too.
            wait_s = await asyncio.to_thread(self._ledger.paused_s, endpoint)
            waited_s += wait_s
        return waited_s

    async def refund(self, endpoint: str, rate: Rate, *, tokens: int) -> None:
        if rate.tokens_per_minute is not None and tokens > 0:
            await asyncio.to_thread(self._ledger.refund, endpoint, rate.tokens_per_minute, tokens)

    async def pause(self, endpoint: str, seconds: float) -> None:
        await asyncio.to_thread(self._ledger.pause, endpoint, seconds)

    async def hold(self, cost_usd: float, *, campaign_id: str) -> Held:
        if cost_usd <= 0:
            return FREE
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

    def spent_today_usd(self) -> float:
        """By all campaigns that share this broker, what is held now apart."""
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

    async def admit(self, endpoint: str, rate: Rate, *, tokens: int = 0) -> float:
        return 0.0

    async def refund(self, endpoint: str, rate: Rate, *, tokens: int) -> None:
        return None

    async def pause(self, endpoint: str, seconds: float) -> None:
        return None

    async def hold(self, cost_usd: float, *, campaign_id: str) -> Held:
        return FREE
