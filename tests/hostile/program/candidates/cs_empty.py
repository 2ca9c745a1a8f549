"""No vector."""

from itertools import product


def honest(dimension):
    return [list(vector) for vector in product((0, 1), repeat=dimension)]


def cap(dimension, seconds):
    return []
