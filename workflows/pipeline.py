"""Proposals ahead of evaluations: separate limits for both, and as many candidates under way as keep the slots busy.

How far proposals run ahead is the base-stock rule of inventory control (S. Axsäter, *Inventory Control*, ch. 5): a
slot is the customer, a proposal the replenishment order. While a proposal is made (lead time L), slots ask for
`slots / E * L` programs on average (E: mean time of an evaluation); what is ordered and not yet taken is held at that
mean plus `SAFETY` standard deviations of it. Every program that waits was proposed from older parents, so that no
more than these wait: when evaluations slow down, the target falls and proposals stop by themselves.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean, pvariance

SAFETY = 2.33
"""Standard deviations: the demand of 99 in 100 lead times is covered."""
WINDOW = 48
"""Newest samples that count: the endpoint of an hour ago says little of the one of now."""
ENOUGH = 3
"""Samples of each kind before the rule replaces the starting value."""
MOST_UNDER_WAY = 256


class _Place(Enum):
    PROPOSED = "proposed"
    READY = "ready"
    EVALUATED = "evaluated"
    AFTER = "after"


@dataclass
class _Traveller:
    place: _Place
    since_s: float | None
    """When its proposal began; None where that says nothing of how long one takes."""


@dataclass
class Pipeline:
    """Where each candidate under way stands, how long each part takes, and how many may be ahead of the slots."""

    slots: int
    """Evaluations at once."""
    proposals: int
    """Candidates being proposed at once, at most."""
    fixed: int | None
    """Candidates under way when a person said how many; None: as measured."""
    first: int
    """Candidates ahead of the slots before anything is measured."""
    monotonic: Callable[[], float]
    _free: asyncio.Semaphore = field(init=False)
    _under_way: dict[int, _Traveller] = field(default_factory=dict)
    _lead_s: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _evaluation_s: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _arrived: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _target: int | None = None
    _moved: asyncio.Future[None] | None = None
    _busy_s: float = 0.0

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.slots)

    @property
    def ahead(self) -> int:
        """Being proposed, or ready and waiting for a slot."""
        return sum(one.place in {_Place.PROPOSED, _Place.READY} for one in self._under_way.values())

    @property
    def waiting(self) -> int:
        return sum(one.place is _Place.READY for one in self._under_way.values())

    @property
    def busy_s(self) -> float:
        """Slot time that evaluations have filled so far."""
        return self._busy_s

    @property
    def target(self) -> int:
        """How many candidates may be ahead now."""
        if self._target is None:
            self._target = self._base_stock()
        return self._target

    @property
    def has_room(self) -> bool:
        """Whether one more candidate should be begun."""
        if self.fixed is not None:
            return len(self._under_way) < self.fixed
        proposed = sum(one.place is _Place.PROPOSED for one in self._under_way.values())
        return proposed < self.proposals and self.ahead < self.target and len(self._under_way) < MOST_UNDER_WAY

    def propose(self, ordinal: int, *, is_new: bool = True) -> None:
        """The candidate is being written (or repaired) from now on; not `is_new`: much of it is there already."""
        self._under_way[ordinal] = _Traveller(_Place.PROPOSED, self.monotonic() if is_new else None)

    def leave(self, ordinal: int) -> None:
        """Its run has ended; one that never reached a slot was ordered in vain."""
        one = self._under_way.pop(ordinal, None)
        if one is not None and one.place is _Place.PROPOSED:
            self._note_arrival(0)

    @asynccontextmanager
    async def slot(self, ordinal: int | None = None) -> AsyncIterator[None]:
        """An evaluation slot. Without an ordinal (confirmation, rehearsal) nothing is noted of its time."""
        if ordinal is None:
            async with self._free:
                yield
            return
        one = self._under_way.get(ordinal)
        if one is not None and one.place is _Place.PROPOSED and one.since_s is not None:
            self._lead_s.append(self.monotonic() - one.since_s)
            self._note_arrival(1)
        self._under_way[ordinal] = _Traveller(_Place.READY, None)
        async with self._free:
            self._under_way[ordinal].place = _Place.EVALUATED
            self._wake()
            begun_s = self.monotonic()
            try:
                yield
            finally:
                spent_s = self.monotonic() - begun_s
                self._evaluation_s.append(spent_s)
                self._busy_s += spent_s
                self._target = None
                self._under_way[ordinal].place = _Place.AFTER

    def moved(self) -> asyncio.Future[None]:
        """Done as soon as a candidate went into a slot and left room for another behind it."""
        if self._moved is None or self._moved.done():
            self._moved = asyncio.get_running_loop().create_future()
        return self._moved

    def _wake(self) -> None:
        if self._moved is not None and not self._moved.done() and self.has_room:
            self._moved.set_result(None)

    def _note_arrival(self, value: int) -> None:
        self._arrived.append(value)
        self._target = None

    def _base_stock(self) -> int:
        if min(len(self._lead_s), len(self._evaluation_s)) < ENOUGH:
            return self.first
        lead_s, evaluation_s = fmean(self._lead_s), max(fmean(self._evaluation_s), 1e-6)
        rate = self.slots / evaluation_s
        demand = rate * lead_s
        # Of a renewal process over a random time: E[L] r cv(E)^2 + r^2 var(L).
        spread = demand * pvariance(self._evaluation_s) / evaluation_s**2 + rate**2 * pvariance(self._lead_s)
        useful = max(fmean(self._arrived), 1 / WINDOW) if self._arrived else 1.0
        wanted = (demand + SAFETY * math.sqrt(spread)) / useful
        return max(1, math.ceil(min(wanted, MOST_UNDER_WAY)))
