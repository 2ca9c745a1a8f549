"""Circles in the unit square, and the sum of their radii: judged without a tolerance.

A double is a rational number with a power of two below the line, so that every condition is one between integers:
with all coordinates scaled by the largest of these powers, `r <= x <= 1 - r` and
`(x - x')^2 + (y - y')^2 >= (r + r')^2` are compared as they stand. Circles may touch; one unit in the last place of
overlap is too much. Published checkers allow 1e-6 or so, which is worth more than what separates the best results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import lcm

from evaluators.program.contract import Judged, Known, Quantity, Refused
from evaluators.program.exact import read_list, read_rational, whole
from nightforge.domain.base import Json, Scalar

PI_BELOW = Fraction(333, 106)
_TOUCHING = Fraction(1, 10**9)
_BEST: Mapping[int, tuple[str, str]] = {
    26: ("2.635983", "ShinkaEvolve (arXiv 2509.19349) and others since; AlphaEvolve (arXiv 2506.13131) 2.63586"),
    32: ("2.937", "AlphaEvolve (arXiv 2506.13131); 2.936 before (E. Friedman's list)"),
}


@dataclass(frozen=True)
class Scaled:
    """A circle in units of 1 / scale."""

    x: int
    y: int
    r: int


def verify(answer: Json, parameters: Mapping[str, Scalar]) -> Judged:
    """`[[x, y, r], ...]`, as many as the parameter `circles` says."""
    rationals = read_circles(answer, whole(parameters, "circles"))
    scale = lcm(*(number.denominator for circle in rationals for number in circle))
    circles = [Scaled(*(int(number * scale) for number in circle)) for circle in rationals]
    for place, circle in enumerate(circles):
        _check_inside(place, circle, scale)
    for (i, one), (j, other) in combinations(enumerate(circles), 2):
        _check_apart(i, one, j, other, scale)
    total = Fraction(sum(circle.r for circle in circles), scale)
    return Judged({"sum_of_radii": Quantity(total, "sides")}, notes=_notes(circles, scale))


def read_circles(answer: Json, count: int) -> list[tuple[Fraction, Fraction, Fraction]]:
    """Raises Refused."""
    circles = []
    for place, row in enumerate(read_list(answer, "the answer", least=count, most=count)):
        parts = zip("xyr", read_list(row, f"circle {place}", least=3, most=3), strict=True)
        x, y, r = (read_rational(value, f"circle {place}: {name}") for name, value in parts)
        if r <= 0:
            raise Refused("radius", f"circle {place}: {float(r)!r} is not above 0")
        circles.append((x, y, r))
    return circles


def _check_inside(place: int, circle: Scaled, scale: int) -> None:
    for name, centre in (("x", circle.x), ("y", circle.y)):
        if centre < circle.r or centre + circle.r > scale:
            over = max(circle.r - centre, centre + circle.r - scale)
            raise Refused("inside", f"circle {place} leaves the square in {name} by {_size(Fraction(over, scale))}")


def _check_apart(i: int, one: Scaled, j: int, other: Scaled, scale: int) -> None:
    if (one.x - other.x) ** 2 + (one.y - other.y) ** 2 < (one.r + other.r) ** 2:
        short = Fraction((one.r + other.r) ** 2 - (one.x - other.x) ** 2 - (one.y - other.y) ** 2, scale**2)
        by = short / (2 * Fraction(one.r + other.r, scale))
        raise Refused("apart", f"circles {i} and {j} overlap by about {_size(by)}")


def _size(value: Fraction) -> str:
    return f"{float(value):.3g}" if value > Fraction(1, 10**300) else "less than 1e-300"


def _notes(circles: Sequence[Scaled], scale: int) -> str:
    radii = sorted(Fraction(circle.r, scale) for circle in circles)
    near = sum(
        (one.x - other.x) ** 2 + (one.y - other.y) ** 2 <= ((one.r + other.r) * (1 + _TOUCHING)) ** 2
        for one, other in combinations(circles, 2)
    )
    walls = sum(
        distance <= circle.r * (1 + _TOUCHING)
        for circle in circles
        for distance in (circle.x, circle.y, scale - circle.x, scale - circle.y)
    )
    return (
        f"{near} pairs and {walls} walls touch (to 1e-9 of the radii; {3 * len(circles)} contacts hold everything in "
        f"place); radii from {float(radii[0]):.5f} to {float(radii[-1]):.5f}"
    )


def known(parameters: Mapping[str, Scalar]) -> Known | None:
    """The bound is that of areas: pi * sum r^2 <= 1, and so sum r <= sqrt(n / pi) (Cauchy and Schwarz)."""
    count = whole(parameters, "circles")
    if count not in _BEST:
        return None
    value, source = _BEST[count]
    proof = f"areas: the sum of {count} radii is below sqrt({count} / pi)"
    return Known(Fraction(value), source, _root_above(count / PI_BELOW), proof)


def _root_above(square: Fraction) -> Fraction:
    """A rational number above the square root, by Newton's step from above."""
    root = Fraction(square.numerator // square.denominator + 1)
    for _ in range(6):
        root = ((root + square / root) / 2).limit_denominator(10**12) + Fraction(1, 10**12)
    return root
