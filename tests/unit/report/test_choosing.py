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


THREE = (SPEED, AREA, DELAY)
triples = st.lists(st.tuples(values, values, values), min_size=1, max_size=14)


def beats(one: Option, other: Option) -> bool:
    mine, theirs = (
        [axis.turned(value) for axis, value in zip(THREE, each.values, strict=True)] for each in (one, other)
    )
    return mine != theirs and all(a >= b for a, b in zip(mine, theirs, strict=True))


@given(triples)
def test_three_axes_of_both_directions(points: list[tuple[float, ...]]) -> None:
    everyone = options(*points)
    front = front_of(THREE, everyone)
    assert front
    for one in front:
        assert not any(beats(other, one) for other in everyone)
    for one in everyone:
        assert any(one.values == kept.values or beats(kept, one) for kept in front), "nothing is lost without reason"


@given(triples)
def test_what_is_named_is_on_the_front_and_is_what_it_is_named_for(points: list[tuple[float, ...]]) -> None:
    everyone = options(*points)
    found = choose(THREE, everyone)
    if found is None:
        assert len(front_of(THREE, everyone)) < 2
        return
    assert found.knee is None or found.knee in found.front
    for at, axis in enumerate(THREE):
        best = found.best_in(at)
        assert best in found.front
        assert axis.turned(best.values[at]) == max(axis.turned(one.values[at]) for one in everyone)
        assert found.nearest_cheaper(best, at) is None


@given(triples, st.integers(0, 2), st.data())
def test_nearest_but_cheaper_gains_there_and_loses_least_elsewhere(
    points: list[tuple[float, ...]], at: int, data: st.DataObject
) -> None:
    found = choose(THREE, options(*points))
    if found is None:
        return
    chosen = data.draw(st.sampled_from(options(*points)))
    spans = [
        max(one.values[axis] for one in found.front) - min(one.values[axis] for one in found.front) for axis in range(3)
    ]

    def gained(one: Option) -> float:
        return THREE[at].turned(one.values[at]) - THREE[at].turned(chosen.values[at])

    def lost(one: Option) -> float:
        return max(
            0.0,
            *(
                (THREE[axis].turned(chosen.values[axis]) - THREE[axis].turned(one.values[axis])) / spans[axis]
                for axis in range(3)
                if axis != at and spans[axis] > 0
            ),
            0.0,
        )

    better = [one for one in found.front if gained(one) > 0]
    nearest = found.nearest_cheaper(chosen, at)
    assert (nearest is None) == (not better)
    if nearest is not None:
        assert nearest in better
        assert lost(nearest) == min(map(lost, better))


@given(
    st.lists(st.tuples(values, values), min_size=3, max_size=14),
    st.sampled_from([0.25, 2.0, 1024.0]),
    st.sampled_from([0.0, 8.0, -64.0]),
)
def test_the_knee_does_not_depend_on_units(points: list[tuple[float, float]], scale: float, shift: float) -> None:
    plain = choose((AREA, DELAY), options(*points))
    scaled = choose((AREA, DELAY), options(*((x * scale + shift, y) for x, y in points)))
    assert (plain is None) == (scaled is None)
    if plain is not None and scaled is not None:
        mine, theirs = (None if one.knee is None else one.knee.ordinal for one in (plain, scaled))
        assert mine == theirs
