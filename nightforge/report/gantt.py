"""Gantt charts, two schedules one above the other on the same time axis: as SVG, and as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from nightforge.domain.explanation import Chart
from nightforge.report.comparison_plot import svg_text

_WIDTH, _LEFT, _LANE, _BAR, _GAP = 900, 96, 16, 13, 58
_TEXT_COLUMNS = 72
_IDLE, _SHARED = "·", "+"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MOST_TEXT_LANES = 20


def draw_charts(charts: Sequence[Chart], *, lane: str) -> str:
    """A stand-alone SVG document; equal labels have equal colours in all charts."""
    longest = max(max(chart.length for chart in charts), 1.0)
    labels = list(dict.fromkeys(span.label for chart in charts for span in chart.spans))
    hues = {label: round(360 * place / max(1, len(labels))) for place, label in enumerate(sorted(labels, key=_order))}
    height = sum(_GAP + _LANE * _lanes(chart) for chart in charts) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + _LEFT + 20}" height="{height}" '
        f'viewBox="0 0 {_WIDTH + _LEFT + 20} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH + _LEFT + 20}" height="{height}" fill="white"/>',
    ]
    top = 0
    for chart in charts:
        parts += _chart(chart, top, _WIDTH / longest, hues, lane)
        top += _GAP + _LANE * _lanes(chart)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _chart(chart: Chart, top: int, scale: float, hues: dict[str, int], lane: str) -> list[str]:
    parts = [svg_text(8, top + 20, f"{chart.title}, length {chart.length:g}", size=13)]
    first = top + 30
    bottom = first + _LANE * _lanes(chart)
    for number in range(_lanes(chart)):
        parts.append(svg_text(8, first + _LANE * number + 11, f"{lane} {number}"))
    for span in chart.spans:
        x, width = _LEFT + span.start * scale, max(0.5, (span.end - span.start) * scale)
        y = first + _LANE * span.lane
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="hsl({hues[span.label]},60%,70%)" '
            f'stroke="#555" stroke-width="0.4"><title>{escape(span.label)}: {span.start} to {span.end}</title></rect>'
        )
        if width > 7 * len(span.label) + 2:
            parts.append(svg_text(x + 2, y + 10, span.label, size=9))
    end = _LEFT + chart.length * scale
    parts.append(
        f'<line x1="{end:.1f}" y1="{first - 4}" x2="{end:.1f}" y2="{bottom + 4}" stroke="#b00" stroke-width="1.2"/>'
    )
    return [*parts, svg_text(max(_LEFT, end - 30), bottom + 14, f"{chart.length:g}")]


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
