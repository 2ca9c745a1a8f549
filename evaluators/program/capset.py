"""Cap sets: vectors over the integers modulo 3 of which no three lie on a line.

Three different vectors lie on a line exactly when their sum is zero in each place modulo 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from evaluators.program.contract import Judged, Known, Quantity, Refused
from evaluators.program.exact import read_integer, read_list, whole
from nightforge.domain.base import Json, Scalar

_BEST: Mapping[int, tuple[int, str, int, str]] = {
    3: (9, "Bose 1947", 9, "Bose 1947"),
    4: (20, "Pellegrino 1970", 20, "Pellegrino 1970"),
    5: (45, "Hill 1973", 45, "Edel, Ferret, Landjev and Storme 2002"),
    6: (112, "Edel 2004", 112, "Potechin 2008"),
    7: (236, "Calderbank and Fishburn 1994", 336, "three parallel hyperplanes with at most 112 each"),
    8: (
        512,
        "FunSearch (Romera-Paredes et al. 2024)",
        1008,
        "nine parallel copies with at most 112 each",
    ),
}
"""Dimension → largest published size, by whom; what no cap set exceeds, by whom."""


def verify(answer: Json, parameters: Mapping[str, Scalar]) -> Judged:
    """`[[0, 1, 2, ...], ...]`: vectors of as many places as the parameter `dimension` says."""
    dimension = whole(parameters, "dimension")
    rows = read_list(answer, "the answer", least=1, most=3**dimension)
    places: dict[tuple[int, ...], int] = {}
    for number, row in enumerate(rows):
        vector = _vector(row, dimension, f"vector {number}")
        if vector in places:
            raise Refused("different", f"vectors {places[vector]} and {number} are the same")
        places[vector] = number
    _check_lines(places)
    size = Fraction(len(places))
    return Judged({"vectors": Quantity(size, "vectors")}, notes=f"{len(places)} of {3**dimension} vectors")


def _vector(row: Json, dimension: int, where: str) -> tuple[int, ...]:
    numbers = read_list(row, where, least=dimension, most=dimension)
    vector = tuple(read_integer(number, f"{where}[{place}]") for place, number in enumerate(numbers))
    for place, number in enumerate(vector):
        if not 0 <= number <= 2:
            raise Refused("modulo", f"{where}[{place}]: {number} is none of 0, 1, 2")
    return vector


def _check_lines(places: Mapping[tuple[int, ...], int]) -> None:
    vectors = list(places)
    for i, one in enumerate(vectors):
        for j in range(i):
            third = tuple(-(a + b) % 3 for a, b in zip(one, vectors[j], strict=True))
            if third in places:
                trio = sorted((i, j, places[third]))
                raise Refused("line", f"vectors {trio[0]}, {trio[1]} and {trio[2]} lie on a line")


def known(parameters: Mapping[str, Scalar]) -> Known | None:
    dimension = whole(parameters, "dimension")
    if dimension not in _BEST:
        return None
    best, source, most, proof = _BEST[dimension]
    return Known(Fraction(best), source, Fraction(most), proof)
