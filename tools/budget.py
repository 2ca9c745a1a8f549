"""What is left to spend: dollars, tokens, evaluations, with everything in flight counted.

A reservation is taken before anything is spent and settled with what it really cost. Spent plus reserved never
passes a cap by a reservation; a settlement above its reserve is recorded as it is, and blocks what follows.
Dollars are kept as whole picodollars, so that a million small sums do not drift past the cap.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from nightforge.domain.candidate import Tally
from nightforge.domain.plan import Budget
from nightforge.errors import BudgetExhausted

PICODOLLARS = 10**12


@dataclass(frozen=True)
class Amount:
    """A sum of the three currencies; also a difference, so a part may be negative."""

    picodollars: int = 0
    tokens: int = 0
    evaluations: int = 0

    @classmethod
    def of(cls, *, cost_usd: float, tokens: int, evaluations: int) -> Self:
        """Rounded up, never down. Negative, infinite or NaN amounts are a programming error."""
        if not (math.isfinite(cost_usd) and cost_usd >= 0 and tokens >= 0 and evaluations >= 0):
            raise ValueError(f"not an amount: cost_usd={cost_usd!r} tokens={tokens!r} evaluations={evaluations!r}")
        return cls(math.ceil(cost_usd * PICODOLLARS), tokens, evaluations)

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.picodollars + other.picodollars, self.tokens + other.tokens, self.evaluations + other.evaluations
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.picodollars - other.picodollars, self.tokens - other.tokens, self.evaluations - other.evaluations
        )

    @property
    def cost_usd(self) -> float:
        return self.picodollars / PICODOLLARS


NOTHING = Amount()


class Reservation:
    """A part of the budget held for something under way. Ends exactly once, by `settle` or `release`."""

    def __init__(self, amount: Amount, end: Callable[[Reservation, Amount], None]) -> None:
        self.amount = amount
        self._end = end
        self.is_open = True

    def settle(self, *, cost_usd: float = 0.0, tokens: int = 0, evaluations: int = 0) -> None:
        """Book what it really cost, be it more than was reserved."""
        self._end(self, Amount.of(cost_usd=cost_usd, tokens=tokens, evaluations=evaluations))

    def settle_in_full(self) -> None:
        """Book the whole reserve: what it really cost is unknown."""
        self._end(self, self.amount)

    def release(self) -> None:
        """Nothing was spent."""
        self._end(self, NOTHING)


class BudgetMeter:
    """The budget of one campaign in one process. Safe to use from several tasks and threads.

    `spent` is the campaign's tally at the start: a resumed campaign goes on where it stood.
    """

    def __init__(self, budget: Budget, *, spent: Tally) -> None:
        self._budget = budget
        self._dollar_cap = None if budget.cost_usd is None else math.floor(budget.cost_usd * PICODOLLARS)
        self._spent = Amount.of(
            cost_usd=spent.cost_usd, tokens=spent.tokens_in + spent.tokens_out, evaluations=spent.evaluations
        )
        self._reserved = NOTHING
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def change(self, budget: Budget) -> None:
        """Other caps from now on. What is spent and held stays; who waits for a dollar looks again."""
        with self._lock:
            self._budget = budget
            self._dollar_cap = None if budget.cost_usd is None else math.floor(budget.cost_usd * PICODOLLARS)
        self._wake()

    @property
    def spent(self) -> Amount:
        return self._spent

    @property
    def reserved(self) -> Amount:
        """In flight now."""
        return self._reserved

    def reserve(self, *, cost_usd: float = 0.0, tokens: int = 0, evaluations: int = 0) -> Reservation:
        """Hold an amount, or raise BudgetExhausted whose `where` names the cap (`budget:cost_usd` …).

        An amount of zero in a currency never fails for that currency, even when it is used up.
        """
        amount = Amount.of(cost_usd=cost_usd, tokens=tokens, evaluations=evaluations)
        with self._lock:
            self._check(amount, self._spent + self._reserved)
            self._reserved += amount
        return Reservation(amount, self._finish)

    async def reserve_when_free(self, *, cost_usd: float = 0.0, tokens: int = 0, evaluations: int = 0) -> Reservation:
        """As `reserve`, but waits while only reserves in flight stand in the way.

        Reserves are worst cases: most of what they hold comes back. Without waiting, a few calls in flight would
        end a campaign that has spent next to nothing. Raises BudgetExhausted as soon as the amount could not
        even fit alone.
        """
        amount = Amount.of(cost_usd=cost_usd, tokens=tokens, evaluations=evaluations)
        while True:
            try:
                return self.reserve(cost_usd=cost_usd, tokens=tokens, evaluations=evaluations)
            except BudgetExhausted:
                loop = asyncio.get_running_loop()
                turn: asyncio.Future[None] = loop.create_future()
                with self._lock:
                    self._check(amount, self._spent)
                    self._waiting.append((loop, turn))
                    is_free_now = self._fits(amount, self._spent + self._reserved)
                if not is_free_now:
                    await turn

    def _fits(self, amount: Amount, held: Amount) -> bool:
        try:
            self._check(amount, held)
        except BudgetExhausted:
            return False
        return True

    def _check(self, amount: Amount, held: Amount) -> None:
        dollars, tokens, evaluations = self._dollar_cap, self._budget.tokens, self._budget.evaluations
        if dollars is not None and amount.picodollars > 0 and held.picodollars + amount.picodollars > dollars:
            left = max(0, dollars - held.picodollars) / PICODOLLARS
            raise BudgetExhausted(
                f"${left:.4f} of ${self._budget.cost_usd} are left and a call may cost up to ${amount.cost_usd:.4f}",
                where="budget:cost_usd",
                hint="raise the dollar cap, or lower max_output_tokens of the model",
            )
        if tokens is not None and amount.tokens > 0 and held.tokens + amount.tokens > tokens:
            raise BudgetExhausted(
                f"a call may use up to {amount.tokens} tokens and {max(0, tokens - held.tokens)} of {tokens} are left",
                where="budget:tokens",
                hint="raise the token cap, or lower max_output_tokens of the model",
            )
        if evaluations is not None and amount.evaluations > 0 and held.evaluations + amount.evaluations > evaluations:
            raise BudgetExhausted(
                f"all {evaluations} evaluations are used or under way",
                where="budget:evaluations",
                hint="raise the cap on evaluations",
            )

    def _finish(self, reservation: Reservation, actual: Amount) -> None:
        with self._lock:
            if not reservation.is_open:
                raise ValueError("this reservation was settled or released before")
            reservation.is_open = False
            self._reserved -= reservation.amount
            self._spent += actual
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for loop, turn in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_give, turn)


def _give(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
