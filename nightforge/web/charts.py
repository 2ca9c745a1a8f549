"""Pictures of the pages that the report does not have: fronts, the grid of behaviour, shares of a roof, family trees.

Drawn on the server by class (`nightforge/report/plots.css`, `static/night.css`), without a colour or a style of their
own. Each stands beside a table or a list with the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from markupsafe import Markup

from nightforge.domain.words import Direction
from nightforge.report import plot_parts as parts
from nightforge.report.choosing import Axis
from nightforge.report.text import number, titled, unit_words

_CROWD = 3.0
"""Dots further off than this many times the extent of what matters are left to the table."""


@dataclass(frozen=True)
class Spot:
    """A candidate or a hand design in the plane of two metrics; `href` leads to it, empty where there is no page."""

    name: str
    x: float
    y: float
    href: str = ""


@dataclass(frozen=True)
class Front:
    x: Axis
    y: Axis
    cloud: tuple[Spot, ...]
    edge: tuple[Spot, ...]
    """What nothing beats in both, in the order of x."""
    hand: tuple[Spot, ...] = ()
    picked: tuple[Spot, ...] = ()
    bound: float | None = None
    """Of x, where the plan has a constraint on it."""


def draw_front(front: Front, *, width: int = 420, height: int = 300) -> Markup:
    """At least one spot is needed."""
    matter = [*front.edge, *front.hand, *front.picked] or list(front.cloud)
    near = [*matter, *_near(front.cloud, matter)]
    xs = [spot.x for spot in near] + ([front.bound] if front.bound is not None else [])
    frame = parts.Frame(x=parts.fitted(xs), y=parts.fitted([spot.y for spot in near]), width=width, height=height)
    better = " ".join(
        f"{axis.metric}: {'less' if axis.direction is Direction.MIN else 'more'} is better;"
        for axis in (front.x, front.y)
    )
    label = (
        f"{front.y.metric} against {front.x.metric}: {len(front.edge)} designs that no other beats in both. {better}"
    )
    drawn = [
        parts.begin(frame, label),
        *parts.axes(frame, _axis(front.x), _axis(front.y)),
        *_bound(frame, front),
        *(parts.circle("dot", frame.across(one.x), frame.down(one.y), 1.9) for one in near if one in front.cloud),
        parts.path("best", _steps(frame, front)) if len(front.edge) > 1 else "",
        *(
            _linked(one, parts.circle("champ", frame.across(one.x), frame.down(one.y), 4.2, one.name))
            for one in front.edge
        ),
        *(parts.square("hand", frame.across(one.x), frame.down(one.y), 4, one.name) for one in front.hand),
        *_names(frame, front.hand, "handt"),
        *(parts.circle("pick", frame.across(one.x), frame.down(one.y), 7.5, one.name) for one in front.picked),
        *_names(frame, front.picked, "name"),
        "</svg>",
    ]
    return Markup("\n".join(drawn))


def _axis(axis: Axis) -> str:
    arrow = "← better" if axis.direction is Direction.MIN else "better →"
    return f"{titled(axis.metric, axis.unit)}, {arrow}"


def _near(cloud: Sequence[Spot], matter: Sequence[Spot]) -> list[Spot]:
    bounds = []
    for values in ([spot.x for spot in matter], [spot.y for spot in matter]):
        reach = _CROWD * ((max(values) - min(values)) or abs(max(values)) or 1.0)
        bounds.append((min(values) - reach, max(values) + reach))
    (x1, x2), (y1, y2) = bounds
    return [spot for spot in cloud if x1 <= spot.x <= x2 and y1 <= spot.y <= y2]


def _steps(frame: parts.Frame, front: Front) -> list[tuple[float, float]]:
    """Between two designs stands the corner that both reach: nothing better is known."""
    points: list[tuple[float, float]] = []
    rising_first = front.x.direction is Direction.MAX
    for spot in sorted(front.edge, key=lambda one: one.x):
        x, y = frame.across(spot.x), frame.down(spot.y)
        if points:
            points.append((points[-1][0], y) if rising_first else (x, points[-1][1]))
        points.append((x, y))
    return points


def _bound(frame: parts.Frame, front: Front) -> list[str]:
    if front.bound is None:
        return []
    x = frame.across(front.bound)
    line = parts.line("bound", x, parts.TOP, x, frame.floor)
    bound = f"bound {number(front.bound)} {unit_words(front.x.unit)}"
    return [
        line,
        parts.text("boundt", x - 4, parts.TOP + 9, bound, anchor="end"),
    ]


def _names(frame: parts.Frame, spots: Sequence[Spot], look: str) -> list[str]:
    """Beside their marks, on the side where there is room; of two at one place the later one moves down."""
    drawn: list[str] = []
    taken: list[tuple[float, float]] = []
    for spot in sorted(spots, key=lambda one: -one.y):
        x, y = frame.across(spot.x), frame.down(spot.y) + 4
        while any(abs(y - other) < parts.LINE and abs(x - beside) < 110 for beside, other in taken):
            y += parts.LINE
        taken.append((x, y))
        fits = x + 10 + parts.wide(spot.name) < frame.right
        drawn.append(parts.text(look, x + 10 if fits else x - 10, y, spot.name, anchor="start" if fits else "end"))
    return drawn


def _linked(spot: Spot, mark: str) -> str:
    return f"<a href={quoteattr(spot.href)}>{mark}</a>" if spot.href else mark


# ---- the grid of behaviour


@dataclass(frozen=True)
class GridCell:
    column: int
    row: int
    value: float
    ordinal: int
    href: str


@dataclass(frozen=True)
class Grid:
    """`columns` and `rows` are labels from the first bin to the last; a grid of one dimension has one row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[GridCell, ...]
    x_title: str
    y_title: str = ""


_SHADES = 5


def draw_grid(grid: Grid, *, higher_is_better: bool) -> Markup:
    """Each cell's best in one of five shades, its number in words on hover; the best cell has a rim."""
    left = 12 + int(max((parts.wide(one) for one in grid.rows), default=0))
    side = max(14, min(84, (416 - left) // max(1, len(grid.columns))))
    tall = min(side, 30)
    width, top = 420, 18 if grid.y_title else 4
    height = top + tall * len(grid.rows) + 34
    values = [cell.value for cell in grid.cells]
    low, high = min(values), max(values)
    best = (max if higher_is_better else min)(values)
    drawn = [
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="group" '
        f"aria-label={quoteattr(grid.title)}>",
        parts.text("axt", 4, 11, grid.y_title) if grid.y_title else "",
        *(
            parts.text("ax", left - 6, top + tall * (len(grid.rows) - at) - tall / 2 + 4, name, anchor="end")
            for at, name in enumerate(grid.rows)
        ),
    ]
    for column in range(len(grid.columns)):
        for row in range(len(grid.rows)):
            x, y = left + side * column, top + tall * (len(grid.rows) - 1 - row)
            drawn.append(f'<rect class="cell" x="{x + 1}" y="{y + 1}" width="{side - 2}" height="{tall - 2}" rx="2"/>')
    for cell in grid.cells:
        x, y = left + side * cell.column, top + tall * (len(grid.rows) - 1 - cell.row)
        share = 1.0 if high == low else (cell.value - low) / (high - low)
        shade = 1 + min(_SHADES - 1, int((share if higher_is_better else 1 - share) * _SHADES))
        rim = " rim" if cell.value == best else ""
        words = escape(f".{cell.ordinal}: {number(cell.value)}")
        drawn.append(
            f'<a href={quoteattr(cell.href)}><rect class="cell shade-{shade}{rim}" x="{x + 1}" y="{y + 1}" '
            f'width="{side - 2}" height="{tall - 2}" rx="2"><title>{words}</title></rect></a>'
        )
    floor = top + tall * len(grid.rows)
    every = max(1, -(-int(max(map(parts.wide, grid.columns), default=0)) // side))
    drawn += [
        parts.text("ax", left + side * at + side / 2, floor + 14, name, anchor="middle")
        for at, name in enumerate(grid.columns)
        if at % every == 0
    ]
    drawn += [parts.text("axt", left, floor + 29, grid.x_title), "</svg>"]
    return Markup("\n".join(drawn))


# ---- shares of a roof


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    is_own: bool = False


def draw_roof(bars: Sequence[Bar], roof: float, *, unit: str, title: str) -> Markup:
    """Achieved against what the machine can give: one bar each, the roof as a line that none may cross."""
    name_wide = 14 + int(max(parts.wide(one.name) for one in bars))
    width, row = 420, 24
    height = row * len(bars) + 34
    span = width - name_wide - 78
    largest = max(roof, *(one.value for one in bars))
    drawn = [
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="group" '
        f"aria-label={quoteattr(title)}>"
    ]
    for at, one in enumerate(bars):
        y = 20 + row * at
        long = max(1.0, span * one.value / largest)
        look = "own" if one.is_own else "other"
        drawn += [
            parts.text("name" if one.is_own else "ax", name_wide - 8, y + 12, one.name, anchor="end"),
            f'<rect class="amount {look}" x="{name_wide}" y="{y + 2}" width="{long:.1f}" height="13" rx="2"/>',
            parts.text("ax", width - 4, y + 12, f"{number(one.value)} {unit}", anchor="end"),
        ]
    x = name_wide + span * roof / largest
    drawn += [
        parts.line("roof strong", x, 16, x, height - 12),
        parts.text("rooft", x, 11, f"roof {number(roof)} {unit}", anchor="middle"),
        "</svg>",
    ]
    return Markup("\n".join(drawn))


# ---- family trees


@dataclass(frozen=True)
class Node:
    ordinal: int
    parent: int | None
    """Of those drawn; None for a root."""
    words: str
    look: str
    """The state, as a class."""
    href: str
    skipped: int = 0
    """Generations between it and its parent that are not drawn."""
    is_marked: bool = False


_STEP, _GAP, _EDGE = 28, 44, 12


def draw_tree(nodes: Sequence[Node], *, label: str) -> Markup:
    """Generations from left to right, a parent beside the middle of its children; the seed is the root."""
    children: dict[int | None, list[Node]] = {}
    for node in sorted(nodes, key=lambda one: one.ordinal):
        children.setdefault(node.parent, []).append(node)
    level = _GAP + max((_wide(node) for node in nodes), default=0.0)
    places = _places(children, level)
    if not places:
        return Markup("")
    width = int(max(x for x, _ in places.values()) + level)
    height = int(max(y for _, y in places.values())) + 26
    drawn = [
        f'<svg class="plot tree" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="group" aria-label={quoteattr(label)}>'
    ]
    known = {node.ordinal: node for node in nodes}
    for node in nodes:
        if node.parent in places:
            x, y = places[node.parent]
            drawn += _edge((x + _wide(known[node.parent]), y), places[node.ordinal], node.skipped)
    for node in nodes:
        drawn.append(_node(node, *places[node.ordinal]))
    drawn.append("</svg>")
    return Markup("\n".join(drawn))


def _words(node: Node) -> str:
    return f"{f'.{node.ordinal}' if node.ordinal else 'seed'} {node.words}".strip()


def _wide(node: Node) -> float:
    """The mark, and the words beside it."""
    return 16 + 1.08 * parts.wide(_words(node))


def _places(children: Mapping[int | None, Sequence[Node]], level: float) -> dict[int, tuple[float, float]]:
    """Leaves one below the other; without recursion, since a line may be hundreds of generations long."""
    places: dict[int, tuple[float, float]] = {}
    order: list[tuple[Node, int]] = []
    stack = [(node, 0) for node in reversed(children.get(None, []))]
    while stack:
        node, depth = stack.pop()
        order.append((node, depth))
        stack += [(child, depth + 1) for child in reversed(children.get(node.ordinal, []))]
    row = 0
    for node, depth in order:
        if not children.get(node.ordinal):
            places[node.ordinal] = (_EDGE + depth * level, 18.0 + row * _STEP)
            row += 1
    for node, depth in reversed(order):
        own = children.get(node.ordinal)
        if own:
            heights = [places[child.ordinal][1] for child in own]
            places[node.ordinal] = (_EDGE + depth * level, (min(heights) + max(heights)) / 2)
    return places


def _edge(start: tuple[float, float], end: tuple[float, float], skipped: int) -> list[str]:
    (x1, y1), (x2, y2) = start, end
    bend = x2 - _GAP / 2
    dashed = " skip" if skipped else ""
    curve = f"C{bend:.1f},{y1:.1f} {bend - 8:.1f},{y2:.1f} {x2 - 7:.1f},{y2:.1f}"
    path = f'<path class="kin{dashed}" d="M{x1:.1f},{y1:.1f} L{x2 - _GAP:.1f},{y1:.1f} {curve}"/>'
    return [path, parts.text("ax", x2 - 9, y2 - 5, f"+{skipped}", anchor="end")] if skipped else [path]


def _node(node: Node, x: float, y: float) -> str:
    marked = " marked" if node.is_marked else ""
    shape = {
        "confirmed": f'<path class="node s-confirmed{marked}" d="M{x:.1f},{y - 6:.1f} l6,11 h-12 z"/>',
        "rejected": f'<path class="node cross s-rejected{marked}" d="M{x - 4:.1f},{y - 4:.1f} l8,8 m0,-8 l-8,8"/>',
        "suspicious": f'<path class="node hollow s-suspicious{marked}" d="M{x:.1f},{y - 6:.1f} l6,11 h-12 z"/>',
        "measured": f'<circle class="node s-measured{marked}" cx="{x:.1f}" cy="{y:.1f}" r="4.6"/>',
    }.get(node.look, f'<circle class="node hollow s-drafted{marked}" cx="{x:.1f}" cy="{y:.1f}" r="4.4"/>')
    words = parts.text("name" if node.is_marked else "ax", x + 10, y + 4, _words(node))
    return f"<a href={quoteattr(node.href)}>{shape}{words}</a>"
