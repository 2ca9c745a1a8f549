"""Circles in the square, judged without a tolerance: held against a slow check that knows no scaling."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from itertools import combinations
from math import inf, nan, nextafter, pi, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some
from program_play import verdict_of

from evaluators.program import packing
from evaluators.program.contract import Refused
from nightforge.domain.base import Json

Circle = tuple[float, float, float]
TIGHT: list[Circle] = [((2 * i + 1) / 8, (2 * j + 1) / 8, 1 / 8) for i in range(4) for j in range(4)]
POCKET: Circle = (1 / 4, 1 / 32, 1 / 32)
"""It touches the wall and two of the grid: 3, 4 and 5 thirty-seconds make a right angle."""


def answer(circles: list[Circle]) -> Json:
    return [[x, y, r] for x, y, r in circles]


def judged(circles: list[Circle]) -> Fraction:
    found = packing.verify(answer(circles), {"circles": len(circles)})
    return found.metrics["sum_of_radii"].value


def broken(circles: list[Circle]) -> str:
    with pytest.raises(Refused) as caught:
        packing.verify(answer(circles), {"circles": len(circles)})
    return caught.value.condition


def is_packing(circles: list[Circle]) -> bool:
    """By the definition, in fractions."""
    exact = [tuple(Fraction(number) for number in circle) for circle in circles]
    inside = all(r > 0 and r <= x <= 1 - r and r <= y <= 1 - r for x, y, r in exact)
    return inside and all(
        (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 >= (a[2] + b[2]) ** 2 for a, b in combinations(exact, 2)
    )


def test_exact_contacts_are_allowed_and_the_sum_is_exact() -> None:
    assert judged([*TIGHT, POCKET]) == Fraction(16, 8) + Fraction(1, 32)


@pytest.mark.parametrize("place", range(17))
def test_one_unit_in_the_last_place_too_much_is_refused_everywhere(place: int) -> None:
    circles = [*TIGHT, POCKET]
    x, y, r = circles[place]
    wrong = [(x, y, nextafter(r, 1.0))]
    wrong += [(nextafter(x, to), y, r) for to in (0.0, 1.0)] + [(x, nextafter(y, to), r) for to in (0.0, 1.0)]
    for other in wrong:
        assert broken([*circles[:place], other, *circles[place + 1 :]]) in {"inside", "apart"}


@pytest.mark.parametrize("place", range(17))
def test_one_unit_smaller_is_a_packing_worth_less(place: int) -> None:
    circles = [*TIGHT, POCKET]
    x, y, r = circles[place]
    circles[place] = (x, y, nextafter(r, 0.0))
    assert judged(circles) < Fraction(16, 8) + Fraction(1, 32)


@given(some.integers(0, 2**32), some.integers(2, 8), some.sampled_from([0.0, 1e-16, 1e-12, 1e-3]))
def test_the_verdict_is_the_definition(seed: int, count: int, slack: float) -> None:
    """Circles grown until they touch, as far as doubles tell, and then a little more or less."""
    random = Random(seed)
    circles: list[Circle] = []
    for _ in range(count):
        x, y = random.random(), random.random()
        room = min([x, 1 - x, y, 1 - y, *(sqrt((x - p) ** 2 + (y - q) ** 2) - r for p, q, r in circles)])
        circles.append((x, y, room * (1 + random.choice((-1, 0, 1)) * slack)))
    if is_packing(circles):
        assert judged(circles) == sum(Fraction(r) for _, _, r in circles)
    else:
        assert broken(circles) in {"inside", "apart", "radius"}


@given(some.integers(0, 2**32))
def test_order_mirrors_and_turns_change_nothing(seed: int) -> None:
    random = Random(seed)
    moved = [(y, x, r) for x, y, r in [*TIGHT, POCKET]]
    moved = [(1 - x, y, r) for x, y, r in moved]
    random.shuffle(moved)
    assert judged(moved) == judged([*TIGHT, POCKET])


@given(
    some.recursive(
        some.none()
        | some.booleans()
        | some.floats(allow_nan=True, allow_infinity=True)
        | some.integers(-(10**39), 10**39)
        | some.text(max_size=5),
        lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=3), inner, max_size=3),
        max_leaves=12,
    )
)
def test_whatever_comes_is_judged_or_refused(value: Json) -> None:
    for count in (1, 2):
        said = verdict_of(partial(packing.verify, value, {"circles": count}))
        assert len(said) < 300
        assert said.partition(":")[0] in {"valid", "form", "count", "radius", "inside", "apart"}


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_no_number_is_refused_here_too(value: float) -> None:
    """The channel lets none through; the verifier does not rely on it."""
    assert broken([(0.5, 0.5, value)]) == "form"
    assert broken([(value, 0.5, 0.1)]) == "form"


@pytest.mark.parametrize("value", [True, "0.1", None, [0.1], {"r": 0.1}])
def test_only_numbers_are_numbers(value: Json) -> None:
    with pytest.raises(Refused, match="form"):
        packing.verify([[0.5, 0.5, value]], {"circles": 1})


def test_the_smallest_and_the_largest_doubles_are_exact() -> None:
    assert judged([(0.5, 0.5, 5e-324)]) == Fraction(5e-324)
    assert broken([(1.7e308, 0.5, 0.1)]) == "inside"
    assert broken([(0.5, 0.5, 0.5), (0.5, 0.5, 5e-324)]) == "apart"
    assert judged([(0.5, 0.5, 0.5)]) == Fraction(1, 2)


@pytest.mark.parametrize("count", [26, 32])
def test_the_bound_of_areas_is_above_what_is_known_and_proven(count: int) -> None:
    known = packing.known({"circles": count})
    assert known is not None
    assert known.best < known.bound
    assert sqrt(count / pi) <= float(known.bound) < sqrt(count / pi) * 1.0001
    assert known.bound**2 * Fraction(314159, 100000) >= count


def test_nothing_is_known_of_other_numbers_of_circles() -> None:
    assert packing.known({"circles": 27}) is None
