"""A comparison as one SVG, without a plotting library: a panel per axis, a line and a 95 % band per policy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from nightforge.domain.comparison import Curve, Summary
from nightforge.report.text import counted

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5f5f5f", "#000000")
"""Okabe and Ito's set, which the colour-blind can tell apart."""
WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 56, 46
AIR = 0.06
"""Share of the height above the highest and below the lowest value, so that no line lies on the frame."""
LEGEND_COLUMN = 118
TITLES = {
    "evaluations": "evaluations",
    "seconds": "seconds of the campaign",
    "dollars": "dollars for models",
}


@dataclass(frozen=True)
class Panel:
    """Where a value lies on the page."""

    shift: float
    x: tuple[float, float]
    y: tuple[float, float]
    scale: float = 1.0
    """Times the usual width and height."""

    def across(self, value: float) -> float:
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return self.shift + LEFT + share * (WIDTH * self.scale - LEFT - RIGHT)

    def down(self, value: float) -> float:
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return HEIGHT * self.scale - BOTTOM - share * (HEIGHT * self.scale - TOP - BOTTOM)


def draw(summary: Summary, *, y_title: str) -> str:
    """A stand-alone SVG document; an empty comparison draws its frame."""
    panels = [_panel(summary, axis, index, y_title) for index, axis in enumerate(summary.curves)]
    width = WIDTH * max(1, len(panels))
    in_row = max(1, (width - LEFT - RIGHT) // LEGEND_COLUMN)
    height = HEIGHT + 10 + 20 * math.ceil(len(summary.spec.policies) / in_row)
    seeds = counted(len(summary.spec.seeds), "seed")
    title = f"{summary.spec.task}: best so far, mean of {seeds} with 95 % bootstrap intervals"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        svg_text(LEFT, 20, title, size=13),
        *panels,
        *_legend(summary.spec.policies, in_row),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panel(summary: Summary, axis: str, index: int, y_title: str) -> str:
    curves = summary.curves[axis]  # type: ignore[index]
    begin = min(curve.places[0] for curve in curves) if axis == "evaluations" else 0.0
    frame = Panel(
        shift=index * WIDTH,
        x=widened(begin, max(curve.places[-1] for curve in curves)),
        y=aired(*widened(min(min(c.low) for c in curves), max(max(c.high) for c in curves))),
    )
    parts = [*axes(frame, TITLES[axis], y_title if index == 0 else "")]
    order = {policy: place for place, policy in enumerate(summary.spec.policies)}
    coloured = [(curve, COLOURS[order[curve.policy] % len(COLOURS)]) for curve in curves]
    # All bands lie below all lines, and the policy that the others are held against on top.
    parts += [_band(frame, curve, colour) for curve, colour in coloured]
    for curve, colour in reversed(coloured):
        parts += _line(frame, curve, colour)
    return "\n".join(parts)


def widened(low: float, high: float) -> tuple[float, float]:
    """Never empty, so that a flat curve can be drawn."""
    if high > low:
        return low, high
    return low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)


def aired(low: float, high: float) -> tuple[float, float]:
    return low - AIR * (high - low), high + AIR * (high - low)


def _band(frame: Panel, curve: Curve, colour: str) -> str:
    upper = _steps(frame, curve.places, curve.high)
    lower = _steps(frame, curve.places, curve.low)
    return f'<polygon points="{svg_points([*upper, *reversed(lower)])}" fill="{colour}" fill-opacity="0.12"/>'


def _line(frame: Panel, curve: Curve, colour: str) -> list[str]:
    """The mean up to a dot where the policy's budget ended; what it found stands from there on, thinly."""
    middle = _steps(frame, curve.places, curve.mean)
    x, y = middle[-1]
    after = (
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{frame.across(frame.x[1]):.1f}" y2="{y:.1f}" stroke="{colour}" '
        'stroke-width="1.2" stroke-dasharray="3 3"/>'
    )
    return [
        f'<polyline points="{svg_points(middle)}" fill="none" stroke="{colour}" stroke-width="1.8" '
        f'stroke-linejoin="round"><title>{escape(curve.policy)}: {curve.mean[-1]:.4g}</title></polyline>',
        *([after] if x < frame.across(frame.x[1]) - 0.5 else []),
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>',
    ]


def _steps(frame: Panel, places: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    """The best so far stays what it is until the next is found."""
    points: list[tuple[float, float]] = []
    for place, value in zip(places, values, strict=True):
        if points:
            points.append((frame.across(place), points[-1][1]))
        points.append((frame.across(place), frame.down(value)))
    return points


def svg_points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def axes(frame: Panel, x_title: str, y_title: str) -> list[str]:
    left, right = frame.across(frame.x[0]), frame.across(frame.x[1])
    top, bottom = frame.down(frame.y[1]), frame.down(frame.y[0])
    parts = []
    for tick in ticks(*frame.y):
        y = frame.down(tick)
        parts.append(f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        parts.append(svg_text(left - 6, y + 4, f"{tick:g}", anchor="end"))
    for tick in ticks(*frame.x):
        x = frame.across(tick)
        parts.append(f'<line x1="{x:.1f}" y1="{bottom:.1f}" x2="{x:.1f}" y2="{bottom + 4:.1f}" stroke="#5f5f5f"/>')
        parts.append(svg_text(x, bottom + 17, f"{tick:g}", anchor="middle"))
    parts.append(f'<path d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}" fill="none" stroke="#5f5f5f"/>')
    parts.append(svg_text((left + right) / 2, bottom + 34, x_title, anchor="middle"))
    if y_title:
        parts.append(svg_text(left - 46, top - 10, y_title))
    return parts


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers within the range, at most about `most` of them."""
    step = 10 ** math.floor(math.log10((high - low) / most))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= most)
    first = math.ceil(low / step)
    return [round((first + number) * step, 10) for number in range(int(math.floor(high / step) - first) + 1)]


def _legend(policies: Sequence[str], in_row: int) -> list[str]:
    parts = []
    for index, policy in enumerate(policies):
        x, y = LEFT + (index % in_row) * LEGEND_COLUMN, HEIGHT + 10 + 20 * (index // in_row)
        colour = COLOURS[index % len(COLOURS)]
        parts.append(f'<rect x="{x}" y="{y - 8}" width="14" height="8" fill="{colour}"/>')
        parts.append(svg_text(x + 20, y, policy))
    return parts


def svg_text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="#222">{escape(text)}</text>'
