"""Known bad: every vector."""

from itertools import product


def cap(dimension, seconds):
    return [list(vector) for vector in product((0, 1, 2), repeat=dimension)]
