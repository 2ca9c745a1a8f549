"""What the machine did while it was measured: load, clock rate; as far as the system tells."""

from __future__ import annotations

import os
import re
from pathlib import Path

from nightforge.domain.evidence import Metric

_FREQUENCY = Path("/sys/devices/system/cpu")
_RATE = re.compile(r"^cpu MHz\s*:\s*([\d.]+)", re.MULTILINE)
DRIFT = 0.1
"""A clock rate that changes by more than this share within a window makes its first and last rounds incomparable."""


def megahertz(cpu: int) -> float | None:
    """The processor's present clock rate; None where neither the driver nor the kernel's table says."""
    try:
        text = (_FREQUENCY / f"cpu{cpu}" / "cpufreq" / "scaling_cur_freq").read_text(encoding="ascii")
        return float(text) / 1000
    except (OSError, ValueError):
        pass
    try:
        rates = _RATE.findall(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return float(rates[cpu]) if cpu < len(rates) else None


class Watch:
    """Looks once at the beginning and once at the end of a window."""

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu
        self._before = megahertz(cpu)

    def facts(self) -> dict[str, Metric]:
        found = {"load": Metric(value=os.getloadavg()[0])}
        after = megahertz(self._cpu)
        if self._before is not None and after is not None:
            found["mhz_before"] = Metric(value=self._before, unit="MHz")
            found["mhz_after"] = Metric(value=after, unit="MHz")
        return found


def drifted(facts: dict[str, Metric]) -> bool:
    before, after = facts.get("mhz_before"), facts.get("mhz_after")
    return before is not None and after is not None and abs(after.value - before.value) > DRIFT * before.value
