"""Help in choosing among designs that no other beats in everything: the knee, the extremes, nearest but cheaper.

The knee is the point of the front furthest from the line through its two ends (Das 1999, On characterizing the "knee"
of the Pareto curve); with more than two axes, the one whose largest loss against the ideal point is the least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

from nightforge.domain.words import Direction

_LEAST_KNEE = 0.02
"""Share of the front's extent that a knee must stand out by: a straight front has none."""


@dataclass(frozen=True)
class Axis:
    metric: str
    unit: str
    direction: Direction

    def turned(self, value: float) -> float:
        """More is better."""
        return value if self.direction is Direction.MAX else -value


@dataclass(frozen=True)
class Option:
    """A candidate as a point; `values` as measured, one for each axis."""

    ordinal: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class Choosing:
    axes: tuple[Axis, ...]
    front: tuple[Option, ...]
    """What no other option beats in all, ordered by the first axis, its best first."""
    knee: Option | None

    def best_in(self, axis: int) -> Option:
        """Of equals, the one that is best in the other axes."""
        turned = [one.turned for one in self.axes]
        order = [axis, *(at for at in range(len(self.axes)) if at != axis)]
        return max(self.front, key=lambda one: tuple(turned[at](one.values[at]) for at in order))

    def nearest_cheaper(self, chosen: Option, axis: int) -> Option | None:
        """Better than `chosen` in `axis`, and of those the one that loses least in the others; None where none is."""
        spans = _spans(self.axes, self.front)
        better = [
            one
            for one in self.front
            if self.axes[axis].turned(one.values[axis]) > self.axes[axis].turned(chosen.values[axis])
        ]

        def loss(one: Option) -> tuple[float, float]:
            lost = 0.0
            for at, measure in enumerate(self.axes):
                if at != axis and spans[at] > 0:
                    gone = measure.turned(chosen.values[at]) - measure.turned(one.values[at])
                    lost = max(lost, gone / spans[at])
            return lost, -self.axes[axis].turned(one.values[axis])

        return min(better, key=loss, default=None)


def choose(axes: Sequence[Axis], options: Sequence[Option]) -> Choosing | None:
    """None where there is nothing to weigh: fewer than two axes, or fewer than two designs on the front."""
    if len(axes) < 2:
        return None
    front = front_of(axes, options)
    if len(front) < 2:
        return None
    return Choosing(axes=tuple(axes), front=front, knee=_knee(axes, front))


def front_of(axes: Sequence[Axis], options: Sequence[Option]) -> tuple[Option, ...]:
    """Of options with equal values the first."""
    points = {
        one.ordinal: tuple(axis.turned(value) for axis, value in zip(axes, one.values, strict=True)) for one in options
    }
    kept: dict[tuple[float, ...], Option] = {}
    for one in options:
        own = points[one.ordinal]
        if own not in kept and not any(_beats(other, own) for other in points.values()):
            kept[own] = one
    return tuple(kept[point] for point in sorted(kept, reverse=True))


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine >= theirs for mine, theirs in zip(one, other, strict=True))


def _spans(axes: Sequence[Axis], front: Sequence[Option]) -> tuple[float, ...]:
    columns = [[one.values[at] for one in front] for at in range(len(axes))]
    return tuple(max(column) - min(column) for column in columns)


def _knee(axes: Sequence[Axis], front: Sequence[Option]) -> Option | None:
    spans = _spans(axes, front)
    if len(front) < 3 or min(spans) <= 0:
        return None
    worst = [min(axis.turned(one.values[at]) for one in front) for at, axis in enumerate(axes)]

    def place(one: Option) -> tuple[float, ...]:
        """0 is the worst of the front, 1 the best."""
        return tuple((axis.turned(one.values[at]) - worst[at]) / spans[at] for at, axis in enumerate(axes))

    if len(axes) > 2:
        return max(front, key=lambda one: min(place(one)))
    (x1, y1), (x2, y2) = place(front[0]), place(front[-1])

    def bulge(one: Option) -> float:
        x, y = place(one)
        return ((x - x1) * (y2 - y1) - (y - y1) * (x2 - x1)) / hypot(x2 - x1, y2 - y1)

    # The line runs from the best of the first axis to the best of the second: what lies beyond it is positive.
    top = max(front, key=bulge)
    return top if bulge(top) > _LEAST_KNEE else None
