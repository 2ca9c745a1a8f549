"""The best so far over the candidates, as one picture: baseline and roof always drawn, failed ones as ticks below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nightforge.report import plot_parts as parts
from nightforge.report.text import number, titled

_TICK_FROM, _TICK_TO = 3, 9
"""Below the upper end of the failed candidates' strip."""
_STRIP = 12
_FAR = 3.0
"""A roof further off than this many times the range of what matters would press that to a line."""
_NEAR = 0.4
"""The same of a measured one: how bad the bad ones are is not what is asked."""
LOG_FROM = 8.0
"""Ratio of the largest to the least of what matters from which equal ratios are drawn alike."""


_MOST_MARKS = 60
"""More of them than that hide the line that they stand on."""


@dataclass(frozen=True)
class Step:
    """The best changed: to whom, and to what value of the objective."""

    ordinal: int
    at: int
    """How many candidates were made before it was known."""
    value: float


@dataclass(frozen=True)
class Progress:
    """Values are the objective's, not turned. `steps` in order, from the seed to the best of now."""

    steps: tuple[Step, ...]
    dots: tuple[tuple[int, float], ...]
    """(ordinal, value) of what was measured."""
    failed: tuple[int, ...]
    candidates: int
    more_is_better: bool
    title: str
    unit: str
    baseline: tuple[str, float] | None = None
    roof: tuple[str, float] | None = None
    confirmed: tuple[int, ...] = ()


def draw_progress(drawn: Progress) -> str:
    """The picture; at least one step is needed."""
    low, high = _range(drawn)
    is_log = low > 0 and high / low >= LOG_FROM
    strip_share = _STRIP / (parts.HEIGHT - parts.TOP - parts.BOTTOM)
    floor = low * (low / high) ** strip_share if is_log else low - (high - low) * strip_share
    inner = parts.Frame(x=(0.0, max(1.0, drawn.candidates - 1.0)), y=(floor, high), is_log=is_log)
    taken: list[float] = []
    levels = []
    if drawn.baseline is not None:
        levels += parts.level(inner, "base", drawn.baseline[1], drawn.baseline[0], taken)
    if drawn.roof is not None and low <= drawn.roof[1] <= high:
        levels += parts.level(inner, "roof", drawn.roof[1], drawn.roof[0], taken)
    elif drawn.roof is not None:
        levels += _far_roof(inner, drawn.roof, drawn.unit)
    strip = inner.floor - _STRIP
    return "\n".join(
        [
            parts.begin(inner, _label(drawn)),
            *parts.axes(inner, "candidates", _y_title(drawn, is_log=is_log), whole_x=True),
            *(_dot(inner, one) for one in drawn.dots if low <= one[1] <= high),
            *(
                parts.line("fail", inner.across(at), strip + _TICK_FROM, inner.across(at), strip + _TICK_TO)
                for at in drawn.failed
            ),
            *levels,
            parts.path("best", _staircase(inner, drawn.steps)),
            *(
                parts.circle(
                    "champ",
                    inner.across(step.at),
                    inner.down(step.value),
                    3.4,
                    f".{step.ordinal}: {number(step.value)} {drawn.unit}".strip(),
                )
                for step in drawn.steps[-1 if len(drawn.steps) > _MOST_MARKS else 0 :]
            ),
            "</svg>",
        ]
    )


def _far_roof(frame: parts.Frame, roof: tuple[str, float], unit: str) -> list[str]:
    """Said at the edge that it lies beyond, so that nobody takes the picture's end for the roof."""
    above = roof[1] > frame.y[1]
    words = f"{'↑' if above else '↓'} {roof[0]}, at {number(roof[1])} {unit}".rstrip()
    return [parts.text("rooft", frame.right - 2, parts.TOP - 4 if above else frame.floor - 4, words, anchor="end")]


def _dot(frame: parts.Frame, one: tuple[int, float]) -> str:
    return parts.circle("dot", frame.across(one[0]), frame.down(one[1]), 1.7)


def _y_title(drawn: Progress, *, is_log: bool) -> str:
    return titled(drawn.title, drawn.unit) + (", logarithmic" if is_log else "")


def _range(drawn: Progress) -> tuple[float, float]:
    """What the steps and the baseline take; the roof and measured ones where they do not press that together."""
    matter = [step.value for step in drawn.steps]
    if drawn.baseline is not None:
        matter.append(drawn.baseline[1])
    low, high = min(matter), max(matter)
    reach = (high - low) or 0.1 * (abs(high) or 1.0)
    near = [value for _, value in drawn.dots if low - _NEAR * reach <= value <= high + _NEAR * reach]
    if drawn.roof is not None and low - _FAR * reach <= drawn.roof[1] <= high + _FAR * reach:
        near.append(drawn.roof[1])
    if low > 0 and min([*matter, *near]) > 0 and high / low >= LOG_FROM:
        return min([*matter, *near]) / 1.15, max([*matter, *near]) * 1.15
    return parts.fitted([*matter, *near])


def _staircase(frame: parts.Frame, steps: Sequence[Step]) -> list[tuple[float, float]]:
    """What was found stands until the next is."""
    points: list[tuple[float, float]] = []
    for step in steps:
        x = frame.across(step.at)
        if points:
            points.append((x, points[-1][1]))
        points.append((x, frame.down(step.value)))
    return [*points, (frame.right, points[-1][1])]


def _label(drawn: Progress) -> str:
    first, last = drawn.steps[0], drawn.steps[-1]
    return (
        f"{drawn.title}: from {number(first.value)} at candidate {first.ordinal} to {number(last.value)} {drawn.unit} "
        f"at candidate {last.ordinal} of {drawn.candidates}; {len(drawn.failed)} failed ones shown"
    )
