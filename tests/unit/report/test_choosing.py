"""Which of several good ones to take: the front, its knee and ends, and what is nearest but cheaper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.words import Direction
from nightforge.report.choosing import Axis, Option, choose, front_of

AREA, DELAY = Axis("area", "um2", Direction.MIN), Axis("delay", "ns", Direction.MIN)
SPEED = Axis("speedup", "x", Direction.MAX)
values = st.integers(min_value=0, max_value=9).map(float)


def options(*points: tuple[float, ...]) -> list[Option]:
    return [Option(ordinal, point) for ordinal, point in enumerate(points)]


@given(st.lists(st.tuples(values, values), min_size=1, max_size=20))
def test_the_front_is_what_nothing_beats_each_point_once(points: list[tuple[float, float]]) -> None:
    def beaten(point: tuple[float, float]) -> bool:
        return any(o != point and o[0] <= point[0] and o[1] <= point[1] for o in points)

    front = front_of((AREA, DELAY), options(*points))
    assert {one.values for one in front} == {point for point in points if not beaten(point)}
    assert len({one.values for one in front}) == len(front)
    areas = [one.values[0] for one in front]
    assert areas == sorted(areas), "the best of the first axis comes first"


def test_the_knee_is_where_the_front_bends() -> None:
    found = choose((AREA, DELAY), options((1.0, 10.0), (2.0, 3.0), (5.0, 2.5), (10.0, 1.0), (10.0, 10.0)))
    assert found is not None
    assert found.knee is not None
    assert found.knee.ordinal == 1
    assert (found.best_in(0).ordinal, found.best_in(1).ordinal) == (0, 3)


def test_a_front_that_bends_the_wrong_way_or_not_at_all_has_no_knee() -> None:
    straight = choose((AREA, DELAY), options((0.0, 10.0), (5.0, 5.0), (10.0, 0.0)))
    hollow = choose((AREA, DELAY), options((0.0, 10.0), (9.0, 9.0), (10.0, 0.0)))
    assert straight is not None
    assert straight.knee is None
    assert hollow is not None
    assert hollow.knee is None


def test_the_knee_of_axes_of_both_directions() -> None:
    lines = Axis("lines", "", Direction.MIN)
    found = choose((SPEED, lines), options((1.60, 90.0), (1.58, 20.0), (1.30, 10.0), (1.1, 2.0)))
    assert found is not None
    assert found.knee is not None
    assert found.knee.ordinal == 1


def test_nearest_but_cheaper_loses_least_of_the_rest() -> None:
    found = choose((SPEED, AREA), options((2.0, 100.0), (1.9, 60.0), (1.2, 50.0), (1.0, 10.0)))
    assert found is not None
    best = found.best_in(0)
    cheaper = found.nearest_cheaper(best, 1)
    assert cheaper is not None
    assert cheaper.ordinal == 1
    assert found.nearest_cheaper(found.best_in(1), 1) is None, "nothing is cheaper than the cheapest"


def test_three_axes_take_the_one_that_is_nowhere_bad() -> None:
    third = Axis("energy", "pJ", Direction.MIN)
    found = choose(
        (AREA, DELAY, third), options((0.0, 10.0, 10.0), (10.0, 0.0, 10.0), (10.0, 10.0, 0.0), (4.0, 4.0, 4.0))
    )
    assert found is not None
    assert found.knee is not None
    assert found.knee.ordinal == 3


@pytest.mark.parametrize("points", [[], [(1.0, 1.0)], [(1.0, 1.0), (1.0, 1.0)], [(1.0, 1.0), (2.0, 2.0)]])
def test_with_one_answer_there_is_nothing_to_choose(points: list[tuple[float, float]]) -> None:
    assert choose((AREA, DELAY), options(*points)) is None
    assert choose((AREA,), [Option(0, (1.0,)), Option(1, (2.0,))]) is None
