"""The real clock; tests inject their own."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

SLEPT_S = 1.0
"""Jumps below this are the clock's own discipline."""


def away_s() -> float:
    """How far the world's clock has run ahead of the one that stands still while the machine sleeps.

    It grows by a suspend (CLOCK_BOOTTIME counts it, CLOCK_MONOTONIC does not), and by a pause of the whole virtual
    machine that the host sets its clock right after. Two readings are compared; the value alone means nothing.
    """
    suspended_s = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic() if hasattr(time, "CLOCK_BOOTTIME") else 0.0
    return max(suspended_s, time.time() - time.monotonic())


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
