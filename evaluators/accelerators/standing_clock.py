"""A clock that stands, put before ABC's other libraries: it asks for its CPU time 345,000 times for one multiplier.

That is a third of its own time and more. Commands with a limit of time of their own must not be given it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from evaluators.accelerators.engine import compile_library
from nightforge.domain.ports import Sandbox

SOURCE = b"""#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) { *now = (struct timespec){0}; return 0; }
"""


@dataclass(frozen=True, slots=True)
class Preload:
    """Words before a command, and what must lie in `/job`; both empty without gcc."""

    words: tuple[str, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)


async def standing_clock(sandbox: Sandbox) -> Preload:
    library = await compile_library(sandbox, SOURCE)
    return Preload(("/usr/bin/env", "LD_PRELOAD=/job/clock.so"), {"clock.so": library}) if library else Preload()
