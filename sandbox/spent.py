"""CPU time of this process and of all programs that it had run in boxes.

The kernel's own count of ended children does not serve: what starts a box ends without having waited for the program
inside, so that the program's time reaches nobody. What is counted here is what the watchdog saw, at least every 50 ms,
so that of a program the last few milliseconds may be missing; what starts a box (about 10 ms) is left out.
"""

from __future__ import annotations

import resource
import threading


class CpuMeter:
    """Adds up from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = 0.0

    def add(self, seconds: float) -> None:
        with self._lock:
            self._total += seconds

    @property
    def total_s(self) -> float:
        with self._lock:
            return self._total


IN_BOXES = CpuMeter()
"""Every supervised tree of this process adds to it while it runs: warm workers count, too."""


def cpu_time_s() -> float:
    """Since this process began: its own time and that of its boxes."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + IN_BOXES.total_s
