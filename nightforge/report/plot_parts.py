"""What plots are drawn with: a frame, round ticks, marks and words, all by class and without a colour.

`plots.css` gives the classes their look, from the tokens of the page that they stand in, light or dark. A plot that
leaves as a file of its own takes that sheet along (`stand_alone`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from xml.sax.saxutils import escape, quoteattr

WIDTH, HEIGHT = 900, 310
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 22, 44
AIR = 0.07
_LETTER = 6.6
"""Of 12 px text, about."""
LINE = 14


@dataclass(frozen=True)
class Frame:
    """Where a value lies on the picture."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = WIDTH
    height: int = HEIGHT
    is_log: bool = False
    """Up and down: equal ratios are equal distances; all values above 0."""

    def across(self, value: float) -> float:
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return LEFT + share * (self.width - LEFT - RIGHT)

    def down(self, value: float) -> float:
        low, high = self.y
        if self.is_log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        share = (value - low) / (high - low)
        return self.height - BOTTOM - share * (self.height - TOP - BOTTOM)

    @property
    def floor(self) -> float:
        return float(self.height - BOTTOM)

    @property
    def right(self) -> float:
        return float(self.width - RIGHT)


LEAST = 1e-100
"""What is smaller is drawn as nothing: a step of a scale has to be a number that can be divided."""


def fitted(values: Sequence[float]) -> tuple[float, float]:
    """A range that holds all of them with some air, and is never empty."""
    low, high = min(values), max(values)
    if high - low < LEAST:
        room = 0.5 * (abs(low) if abs(low) > LEAST else 1.0)
        return low - room, high + room
    return low - AIR * (high - low), high + AIR * (high - low)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers within the range, at most about `most` of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= most)
    first = math.ceil(low / step)
    return [round((first + number) * step, 10) for number in range(int(math.floor(high / step) - first) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten; only the powers where that makes too many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    found = [tick for tick in fine if low <= tick <= high]
    return found if len(found) <= 9 else [tick for tick in found if math.log10(tick) % 1 < 1e-9]


def begin(frame: Frame, label: str) -> str:
    return (
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {frame.width} {frame.height}" role="group" '
        f"aria-label={quoteattr(label)}>"
    )


def axes(frame: Frame, x_title: str, y_title: str, *, whole_x: bool = False) -> list[str]:
    """Grid lines across, ticks below, a title at each end."""
    parts = []
    for tick in log_ticks(*frame.y) if frame.is_log else ticks(*frame.y):
        y = frame.down(tick)
        parts.append(line("grid", LEFT, y, frame.right, y))
        parts.append(text("ax", LEFT - 7, y + 4, scale_text(tick), anchor="end"))
    for tick in ticks(*frame.x):
        if whole_x and tick != int(tick):
            continue
        x = frame.across(tick)
        parts.append(line("tick", x, frame.floor, x, frame.floor + 4))
        parts.append(text("ax", x, frame.floor + 17, scale_text(tick), anchor="middle"))
    parts.append(line("axis", LEFT, frame.floor, frame.right, frame.floor))
    parts.append(text("axt", frame.right, frame.height - 8, x_title, anchor="end"))
    parts.append(text("axt", 4, 12, y_title))
    return parts


def scale_text(tick: float) -> str:
    return f"{tick:,g}" if abs(tick) < 1e6 else f"{tick:g}"


def line(look: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{look}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(look: str, x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def circle(look: str, x: float, y: float, radius: float, words: str = "") -> str:
    mark = f'<circle class="{look}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"'
    return f"{mark}><title>{escape(words)}</title></circle>" if words else f"{mark}/>"


def square(look: str, x: float, y: float, half: float, words: str) -> str:
    at = f'x="{x - half:.1f}" y="{y - half:.1f}" width="{2 * half:.1f}" height="{2 * half:.1f}"'
    return f'<rect class="{look}" {at}><title>{escape(words)}</title></rect>'


def path(look: str, points: Sequence[tuple[float, float]]) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{look}" points="{places}"/>'


def wide(words: str) -> float:
    """About how many units a text takes."""
    return _LETTER * len(words)


def level(frame: Frame, look: str, value: float, words: str, taken: list[float]) -> list[str]:
    """A line at `value` through the whole frame with its name at the right end, moved where another name stands."""
    y = frame.down(value)
    at = y - 5
    while any(abs(at - other) < LINE for other in taken):
        at += LINE
    taken.append(at)
    return [line(look, LEFT, y, frame.right, y), text(f"{look}t", frame.right - 2, at, words, anchor="end")]


@cache
def sheet() -> str:
    """The rules for all classes of plots; colours are tokens of the page."""
    return (files("nightforge.report") / "plots.css").read_text(encoding="utf-8")


_PAPER = (
    ".plot{--surface:#fff;--line:#e4e1db;--ink:#1c1e24;--muted:#666a75;--ember:#c2410c;--steel:#3f5f8a;--bad:#b42318;"
    "background:#fff}"
)


def stand_alone(svg: str) -> str:
    """The picture as a file of its own; one that brings its colours along stays as it is."""
    if not svg.startswith('<svg class="plot"'):
        return svg
    head, _, rest = svg.partition(">")
    return f"{head}><style>{_PAPER}{sheet()}</style>{rest}"
