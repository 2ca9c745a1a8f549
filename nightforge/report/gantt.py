"""Gantt charts, two schedules one above the other on the same time axis: as SVG, and as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from nightforge.domain.explanation import Chart
from nightforge.report import plot_parts as plot

_WIDTH, _LEFT, _RIGHT, _LANE, _BAR, _HEAD, _FOOT = 900, 80, 12, 18, 15, 34, 36
_TEXT_COLUMNS = 72
_IDLE, _SHARED = "·", "+"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MOST_TEXT_LANES = 20


def draw_charts(charts: Sequence[Chart], *, lane: str) -> str:
    """SVG by class, as all plots; equal labels have equal colours in all charts."""
    longest = max(max(chart.length for chart in charts), 1.0)
    labels = list(dict.fromkeys(span.label for chart in charts for span in chart.spans))
    hues = {label: round(360 * place / max(1, len(labels))) for place, label in enumerate(sorted(labels, key=_order))}
    height = sum(_HEAD + _LANE * _lanes(chart) + _FOOT for chart in charts)
    titles = "; ".join(f"{chart.title}, length {chart.length:g}" for chart in charts)
    parts = [plot.begin(plot.Frame((0, 1), (0, 1), width=_WIDTH, height=height), titles)]
    top = 0
    for chart in charts:
        parts += _chart(chart, top, longest, hues, lane)
        top += _HEAD + _LANE * _lanes(chart) + _FOOT
    return "\n".join([*parts, "</svg>"]) + "\n"


def _chart(chart: Chart, top: int, longest: float, hues: dict[str, int], lane: str) -> list[str]:
    line, text = plot.line, plot.text
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    parts = [text("gt", 2, top + 16, chart.title)]
    first = top + _HEAD
    bottom = first + _LANE * _lanes(chart)
    for tick in plot.ticks(0, longest, most=10):
        x = _LEFT + tick * scale
        parts.append(line("grid", x, first, x, bottom + 4))
        parts.append(text("ax", x, bottom + 17, plot.scale_text(tick), anchor="middle"))
    for number in range(_lanes(chart)):
        parts.append(text("ax", 2, first + _LANE * number + 12, f"{lane} {number}"))
    for span in chart.spans:
        x, width = _LEFT + span.start * scale, max(0.5, (span.end - span.start) * scale)
        y = first + _LANE * span.lane + 1
        parts.append(
            f'<rect class="span" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="1.5" '
            f'fill="hsl({hues[span.label]},52%,70%)">'
            f"<title>{escape(span.label)}: {span.start:g} to {span.end:g}</title></rect>"
        )
        if width > 7 * len(span.label) + 2:
            parts.append(text("spant", x + width / 2, y + 11, span.label, anchor="middle"))
    end = _LEFT + chart.length * scale
    parts.append(line("end", end, first - 5, end, bottom + 4))
    return [*parts, text("endt", end - 4, first - 6, f"length {chart.length:g}", anchor="end")]


def text_chart(chart: Chart, longest: float, *, columns: int = _TEXT_COLUMNS) -> str:
    """One line per lane; a column shows who occupies most of it, `·` where nobody does, `+` for labels beyond 62."""
    lines = [f"{chart.title}, length {chart.length:g}"]
    step = max(longest, 1.0) / columns
    labels = sorted({span.label for span in chart.spans}, key=_order)
    signs = {label: _LETTERS[place] if place < len(_LETTERS) else _SHARED for place, label in enumerate(labels)}
    lanes = _lanes(chart)
    for lane in range(min(lanes, _MOST_TEXT_LANES)):
        row = [_sign(chart, lane, column * step, (column + 1) * step, signs) for column in range(columns)]
        lines.append(f"{lane:>3} {''.join(row).rstrip()}")
    if lanes > _MOST_TEXT_LANES:
        lines.append(f"    and {lanes - _MOST_TEXT_LANES} lanes more")
    return "\n".join(lines)


def _sign(chart: Chart, lane: int, start: float, end: float, signs: dict[str, str]) -> str:
    if start >= chart.length:
        return " "
    busiest, most = _IDLE, (end - start) / 3
    for span in chart.spans:
        covered = min(end, span.end) - max(start, span.start) if span.lane == lane else 0.0
        if covered > most:
            busiest, most = signs[span.label], covered
    return busiest


def _lanes(chart: Chart) -> int:
    return max((span.lane for span in chart.spans), default=-1) + 1


def _order(label: str) -> tuple[int, str]:
    return (int(label), "") if label.isdecimal() else (0, label)
