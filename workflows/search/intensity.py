"""How far to look: little while a search improves, widely when it stands still.

The form is AdaEvolve's: a decayed mean G of squared improvements, intensity = low + (high − low) / (1 + √G). An
improvement is counted in units of the usual gain, so that no score's scale matters.
"""

from __future__ import annotations

import math
from dataclasses import replace

from nightforge.domain.archive import Progress

MEMORY = 0.9
"""Share of the signal that the next result leaves."""
GAIN_MEMORY = 0.8
MOST = 4.0
"""An improvement counts as at most so many usual ones."""
PATIENCE = 12


def hear(progress: Progress, score_low: float | None, gain: float) -> Progress:
    """After one result: `score_low` None unless measured, `gain` over its parent, 0 where there was none."""
    usual = progress.gain
    if gain > 0:
        usual = gain if usual == 0 else GAIN_MEMORY * usual + (1 - GAIN_MEMORY) * gain
    risen = score_low is not None and (progress.best is None or score_low > progress.best)
    step = 0.0
    if risen and score_low is not None and progress.best is not None:
        step = min(MOST, (score_low - progress.best) / usual) if usual > 0 else 1.0
    return replace(
        progress,
        told=progress.told + 1,
        best=score_low if risen else progress.best,
        signal=MEMORY * progress.signal + (1 - MEMORY) * step * step,
        gain=usual,
        stale=0 if risen else progress.stale + 1,
    )


def intensity(progress: Progress, *, low: float, high: float) -> float:
    """The share of candidates that explore, between `low` and `high`."""
    return low + (high - low) / (1.0 + math.sqrt(progress.signal))


def restarts(idle: int, patience: float = PATIENCE) -> float:
    """The share of a climb's candidates that start from another one than the best, which has stood for `idle`."""
    return 0.5 if idle >= patience else 0.0
