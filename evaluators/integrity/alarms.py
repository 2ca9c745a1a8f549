"""Numbers that are too good to be true: better than a proven bound or the machine's roof allows.

An alarm ends an evaluation. Its candidate is `suspicious`: shown, never ranked, never a parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nightforge.domain.evidence import Metric
from nightforge.domain.words import Alarm, Direction


@dataclass(frozen=True)
class Bound:
    """What no correct program reaches: a proven bound (slack 0) or a measured roof (slack for its noise)."""

    metric: str
    direction: Direction
    value: float
    source: str
    """Where the bound comes from, in words."""
    alarm: Alarm = Alarm.BEYOND_BOUND
    slack: float = 0.0
    """Relative; a measured number may be this much better before it is called impossible."""


@dataclass(frozen=True)
class Raised:
    alarm: Alarm
    feedback: str


def raise_alarm(metrics: Mapping[str, Metric], bounds: Sequence[Bound]) -> Raised | None:
    """The first bound that a metric passes by its whole interval: one that still touches the bound is noise."""
    for bound in bounds:
        metric = metrics.get(bound.metric)
        if metric is None:
            continue
        up = bound.direction is Direction.MAX
        edge = metric.low if up else metric.high
        reached = metric.value if edge is None else edge
        margin = bound.slack * abs(bound.value)
        if (reached > bound.value + margin) if up else (reached < bound.value - margin):
            words = f"{bound.metric} {metric.value:g} {metric.unit}".rstrip()
            return Raised(bound.alarm, f"{words} is better than {bound.value:g}, {bound.source}")
    return None
