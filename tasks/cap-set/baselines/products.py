"""Products of small cap sets: of 2, 4 and 9 vectors in dimensions 1, 2 and 3, from dimension 7 on of 112 in dimension 6."""

from itertools import product

NINE = [[0, 0, 1], [0, 2, 0], [0, 2, 1], [1, 1, 0], [1, 1, 1], [1, 2, 1], [2, 1, 0], [2, 1, 2], [2, 2, 0]]
SUPPORTS = "012 013 024 035 045 125 134 145 234 235"


def cap(dimension, seconds):
    if dimension > 6:
        return joined(sixth(), cap(dimension - 6, seconds))
    if dimension < 3:
        return [list(vector) for vector in product((0, 1), repeat=dimension)]
    return NINE if dimension == 3 else joined(NINE, cap(dimension - 3, seconds))


def joined(one, other):
    return [[*first, *second] for first in one for second in other]


def sixth():
    """112 vectors: ten supports of three places with all signs, and those without a zero whose 2s are even in number."""
    supports = [{int(place) for place in support} for support in SUPPORTS.split()]
    found = []
    for vector in product((0, 1, 2), repeat=6):
        places = {place for place, number in enumerate(vector) if number}
        if places in supports or (len(places) == 6 and vector.count(2) % 2 == 0):
            found.append(list(vector))
    return found
