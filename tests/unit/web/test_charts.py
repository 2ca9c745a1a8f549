"""Pictures of the pages: well-formed, within their frame, every word escaped, nothing in them that a CSP forbids."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.words import Direction
from nightforge.report.choosing import Axis, Option, front_of
from nightforge.web.charts import Bar, Front, Grid, GridCell, Node, Spot, draw_front, draw_grid, draw_roof, draw_tree
from nightforge.web.fronts import edge_of

EVIL = '"><script>alert(1)</script>&'
LESS = Axis("delay_ns", "ns", Direction.MIN)
MORE = Axis("speedup", "x", Direction.MAX)
SVG = "{http://www.w3.org/2000/svg}"
finite = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


def read(svg: str) -> ElementTree.Element:
    """Parsed as XML; fails where a word was not escaped."""
    assert "style=" not in svg
    assert not re.search(r"\son\w+=", svg)
    return ElementTree.fromstring(svg)


@given(
    st.lists(st.tuples(finite, finite), min_size=1, max_size=60),
    st.sampled_from([(LESS, LESS), (MORE, LESS), (LESS, MORE)]),
)
def test_a_front_of_any_points_is_drawn_within_its_frame(
    places: list[tuple[float, float]], axes: tuple[Axis, Axis]
) -> None:
    points = dict(enumerate(places))
    edge = edge_of(axes, points)
    drawn = Front(
        x=axes[0],
        y=axes[1],
        cloud=tuple(Spot(f".{ordinal}", *place) for ordinal, place in points.items()),
        edge=tuple(Spot(f".{one.ordinal}", one.values[0], one.values[1], href=f"/c/x/{one.ordinal}") for one in edge),
        hand=(Spot(EVIL, *places[0]),),
        picked=(Spot(EVIL, *places[-1]),),
        bound=places[0][0],
    )
    root = read(draw_front(drawn))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    marks = root.iter(f"{SVG}circle")
    assert all(0 <= float(one.attrib["cx"]) <= width and 0 <= float(one.attrib["cy"]) <= height for one in marks)
    assert len(list(root.iter(f"{SVG}a"))) == len(edge)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40),
    st.sampled_from([(LESS, LESS), (MORE, LESS)]),
)
def test_the_quick_front_is_the_plain_one(places: list[tuple[int, int]], axes: tuple[Axis, Axis]) -> None:
    points = {at: (float(x), float(y)) for at, (x, y) in enumerate(places)}
    plain = front_of(axes, [Option(ordinal, place) for ordinal, place in points.items()])
    assert {one.values for one in edge_of(axes, points)} == {one.values for one in plain}


@pytest.mark.parametrize("higher", [True, False])
def test_the_best_cell_has_the_strongest_shade(higher: bool) -> None:
    cells = tuple(GridCell(column, 0, float(column), column, f"/c/x/{column}") for column in range(5))
    grid = Grid(title=EVIL, columns=("0", "1", "2", "3", "4"), rows=("",), cells=cells, x_title=EVIL)
    root = read(draw_grid(grid, higher_is_better=higher))
    shades = {link.attrib["href"]: link[0].attrib["class"] for link in root.iter(f"{SVG}a")}
    best, worst = ("/c/x/4", "/c/x/0") if higher else ("/c/x/0", "/c/x/4")
    assert shades[best] == "cell shade-5 rim"
    assert shades[worst] == "cell shade-1"


def test_bars_of_a_roof_are_as_long_as_what_they_stand_for() -> None:
    bars = (Bar(".7", 20.0, is_own=True), Bar(EVIL, 10.0))
    root = read(draw_roof(bars, 40.0, unit="GB/s", title=EVIL))
    own, other = (float(one.attrib["width"]) for one in root.iter(f"{SVG}rect"))
    assert own == pytest.approx(2 * other, abs=0.2)
    (roof,) = root.iter(f"{SVG}line")
    (first, *_) = root.iter(f"{SVG}rect")
    assert float(roof.attrib["x1"]) == pytest.approx(float(first.attrib["x"]) + 2 * own, abs=0.3)


@given(st.lists(st.integers(0, 400), min_size=0, max_size=60))
def test_a_tree_of_any_shape_shows_each_candidate_once(choices: list[int]) -> None:
    nodes = [Node(0, None, "1", "measured", "/c/x/0")]
    for ordinal, choice in enumerate(choices, start=1):
        state = ("confirmed", "rejected", "suspicious", "drafted")[choice % 4]
        nodes.append(Node(ordinal, choice % ordinal, EVIL, state, f"/c/x/{ordinal}", skipped=choice % 3))
    root = read(draw_tree(nodes, label=EVIL))
    assert sorted(int(link.attrib["href"].rpartition("/")[2]) for link in root.iter(f"{SVG}a")) == list(
        range(len(nodes))
    )


def test_a_line_of_a_thousand_generations_is_drawn() -> None:
    nodes = [Node(at, at - 1 if at else None, "", "measured", f"/c/x/{at}") for at in range(1000)]
    assert draw_tree(nodes, label="long").count("<a ") == 1000


def test_no_tree_without_candidates() -> None:
    assert draw_tree([], label="none") == ""
