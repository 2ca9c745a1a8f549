"""Area over delay as one SVG: every design found, the front, the hand designs with their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nightforge.report import plot_parts as parts
from nightforge.report.text import clean_line

_FAR = 1.6
"""A hand design further out than this many times the others' range would press them into a corner: it is left to the
table."""
_HEIGHT = 460
_MOST_LETTERS = 54


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
    frame = parts.Frame(x=parts.fitted(delays), y=parts.fitted(areas), height=_HEIGHT)
    return "\n".join(
        [
            parts.begin(frame, title),
            *parts.axes(frame, "delay (ns)", "area (µm²)"),
            *_bound(frame, drawn.delay_bound),
            *(_mark(frame, place) for place in drawn.measured),
            *_front(frame, drawn.front),
            *(parts.square("hand", frame.across(delay), frame.down(area), 4.5, name) for name, area, delay in hand),
            *(
                parts.circle("champ", frame.across(delay), frame.down(area), 4.2, name)
                for name, area, delay in drawn.confirmed
            ),
            *_names(frame, hand),
            *_best_name(frame, drawn),
            *_far_words(frame, len(drawn.hand) - len(hand)),
            "</svg>",
        ]
    )


def _mark(frame: parts.Frame, place: tuple[float, float]) -> str:
    area, delay = place
    return parts.circle("dot", frame.across(delay), frame.down(area), 2.4, f"{area:g} µm², {delay:g} ns")


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


def _front(frame: parts.Frame, places: Sequence[tuple[float, float]]) -> list[str]:
    """Between two designs the front is where the faster one's delay meets the slower one's area: steps."""
    if not places:
        return []
    points = [(frame.across(places[0][1]), float(parts.TOP))]
    for area, delay in places:
        points += [(frame.across(delay), points[-1][1]), (frame.across(delay), frame.down(area))]
    points.append((frame.right, points[-1][1]))
    return [parts.path("best", points)]


def _bound(frame: parts.Frame, delay: float | None) -> list[str]:
    if delay is None:
        return []
    x = frame.across(delay)
    return [
        parts.line("bound", x, parts.TOP, x, frame.floor),
        parts.text("boundt", x - 4, parts.TOP + 10, f"at most {delay:g} ns", anchor="end"),
    ]


def _names(frame: parts.Frame, designs: Sequence[tuple[str, float, float]]) -> list[str]:
    """Beside their marks, on the side where there is room; where two would lie on each other the later one moves."""
    drawn: list[str] = []
    taken: list[tuple[float, float]] = []
    for name, area, delay in sorted(designs, key=lambda one: -one[1]):
        words = name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
        x, y = frame.across(delay), frame.down(area) + 4
        is_left = x + 9 + parts.wide(words) > frame.right
        while any(abs(y - other) < parts.LINE and abs(x - beside) < 190 for beside, other in taken):
            y += parts.LINE
        taken.append((x, y))
        drawn.append(parts.text("handt", x - 9 if is_left else x + 9, y, words, anchor="end" if is_left else "start"))
    return drawn


def _best_name(frame: parts.Frame, drawn: Drawn) -> list[str]:
    """On the empty side of the front, where there is room before the axis; else below its mark."""
    for name, area, delay in drawn.confirmed:
        if name == drawn.best:
            x, y = frame.across(delay), frame.down(area)
            has_room = x - 9 - parts.wide(name) > parts.LEFT
            return [
                parts.text("name", x - 9, y + 14, clean_line(name), anchor="end")
                if has_room
                else parts.text("name", x - 4, y + 18, clean_line(name))
            ]
    return []


def _far_words(frame: parts.Frame, far: int) -> list[str]:
    return [parts.text("ax", parts.LEFT, frame.height - 8, f"{far} far off: in the table only")] if far else []
