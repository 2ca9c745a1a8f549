"""Area over delay as one SVG: every design found, the front, the hand designs with their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from nightforge.report.comparison_plot import COLOURS, HEIGHT, Panel, aired, axes, svg_points, svg_text, widened

BLUE, RED = COLOURS[0], COLOURS[1]
_GREY, _INK = "#9a9a9a", "#222"
_SCALE = 1.7
"""Wider and higher than a panel of a comparison: there are names in it."""
_FAR = 1.6
"""A hand design further out than this many times the others' range would press them into a corner: it is left to the
table."""
_LINE, _LETTER = 12, 6.2


@dataclass(frozen=True)
class Drawn:
    """Places are (area, delay). `best` is the name of the design that the report leads with."""

    measured: tuple[tuple[float, float], ...]
    confirmed: tuple[tuple[str, float, float], ...]
    hand: tuple[tuple[str, float, float], ...]
    front: tuple[tuple[float, float], ...]
    best: str = ""
    delay_bound: float | None = None


def draw_front(drawn: Drawn, *, title: str) -> str:
    """A stand-alone SVG document."""
    hand = _near(drawn)
    areas = [*(place[0] for place in drawn.measured), *(one[1] for one in (*drawn.confirmed, *hand))]
    delays = [*(place[1] for place in drawn.measured), *(one[2] for one in (*drawn.confirmed, *hand))]
    if drawn.delay_bound is not None:
        delays.append(drawn.delay_bound)
    frame = Panel(
        shift=0.0,
        x=aired(*widened(min(delays), max(delays))),
        y=aired(*widened(min(areas), max(areas))),
        scale=_SCALE,
    )
    width, height = int(frame.across(frame.x[1])) + 200, int(HEIGHT * _SCALE) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        svg_text(62, 20, title, size=13),
        *axes(frame, "delay (ns)", "area (um2)"),
        *_bound(frame, drawn.delay_bound),
        *(_circle(frame, place, 2.2, _GREY, f"{place[0]:g} um2, {place[1]:g} ns") for place in drawn.measured),
        *_front(frame, drawn.front),
        *(_diamond(frame, one) for one in hand),
        *(_circle(frame, one[1:], 4.0, BLUE, one[0]) for one in drawn.confirmed),
        *_names(frame, hand),
        *_best_name(frame, drawn),
        *_legend(height - 12, drawn, len(drawn.hand) - len(hand)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _near(drawn: Drawn) -> tuple[tuple[str, float, float], ...]:
    """The hand designs that fit on the picture with the designs that were found."""
    places = [*drawn.measured, *((area, delay) for _, area, delay in drawn.confirmed)]
    limits = []
    for axis in (0, 1):
        low, high = min(place[axis] for place in places), max(place[axis] for place in places)
        reach = _FAR * max(high - low, 0.25 * high)
        limits.append((low - reach, high + reach))
    (low_area, high_area), (low_delay, high_delay) = limits
    return tuple(one for one in drawn.hand if low_area <= one[1] <= high_area and low_delay <= one[2] <= high_delay)


def _front(frame: Panel, places: Sequence[tuple[float, float]]) -> list[str]:
    """Between two designs the front is where the faster one's delay meets the slower one's area: steps."""
    if not places:
        return []
    points = [(frame.across(places[0][1]), frame.down(frame.y[1]))]
    for area, delay in places:
        points += [(frame.across(delay), points[-1][1]), (frame.across(delay), frame.down(area))]
    points.append((frame.across(frame.x[1]), points[-1][1]))
    return [f'<polyline points="{svg_points(points)}" fill="none" stroke="{BLUE}" stroke-width="1.4"/>']


def _bound(frame: Panel, delay: float | None) -> list[str]:
    if delay is None:
        return []
    x = frame.across(delay)
    top, bottom = frame.down(frame.y[1]), frame.down(frame.y[0])
    line = f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{_INK}" stroke-dasharray="4 3"/>'
    return [line, svg_text(x + 3, top + 10, f"at most {delay:g} ns")]


def _circle(frame: Panel, place: tuple[float, float], radius: float, colour: str, words: str) -> str:
    area, delay = place
    return (
        f'<circle cx="{frame.across(delay):.1f}" cy="{frame.down(area):.1f}" r="{radius}" fill="{colour}">'
        f"<title>{escape(words)}</title></circle>"
    )


def _diamond(frame: Panel, one: tuple[str, float, float]) -> str:
    name, area, delay = one
    x, y = frame.across(delay), frame.down(area)
    points = svg_points([(x, y - 5), (x + 5, y), (x, y + 5), (x - 5, y)])
    return f'<polygon points="{points}" fill="{RED}"><title>{escape(name)}</title></polygon>'


def _names(frame: Panel, designs: Sequence[tuple[str, float, float]]) -> list[str]:
    """Right of their marks; where two would lie on each other the later one is moved down."""
    parts: list[str] = []
    taken: list[tuple[float, float]] = []
    for name, area, delay in sorted(designs, key=lambda one: -one[1]):
        x, y = frame.across(delay) + 8, frame.down(area) + 4
        while any(abs(y - other) < _LINE and abs(x - beside) < 170 for beside, other in taken):
            y += _LINE
        taken.append((x, y))
        parts.append(_name(x, y, name if len(name) <= 54 else f"{name[:53]}…"))
    return parts


def _best_name(frame: Panel, drawn: Drawn) -> list[str]:
    """On the empty side of the front, where there is room before the axis; else below its mark."""
    parts = []
    for name, area, delay in drawn.confirmed:
        if name == drawn.best:
            x, y = frame.across(delay), frame.down(area)
            has_room = x - 9 - _LETTER * len(name) > frame.across(frame.x[0])
            parts.append(_name(x - 9, y - 5, name, "end") if has_room else _name(x - 4, y + 18, name))
    return parts


def _name(x: float, y: float, text: str, anchor: str = "start") -> str:
    """With a white rim, so that it can be read on the front's line."""
    return svg_text(x, y, text, anchor=anchor).replace(
        "<text ", '<text paint-order="stroke" stroke="white" stroke-width="3" '
    )


def _legend(y: float, drawn: Drawn, far: int) -> list[str]:
    marks = [(BLUE, "confirmed and proved, and the front"), (_GREY, "measured"), (RED, "by hand")]
    parts = []
    x = 62
    for colour, words in marks:
        parts += [f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{colour}"/>', svg_text(x + 9, y, words)]
        x += 24 + 6 * len(words)
    if far:
        parts.append(svg_text(x, y, f"{far} far off: in the table only"))
    return parts
