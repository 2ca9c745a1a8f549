"""The same vectors as truth values."""

from itertools import product


def honest(dimension):
    return [list(vector) for vector in product((0, 1), repeat=dimension)]


def cap(dimension, seconds):
    return [*honest(dimension), *([bool(n) for n in vector] for vector in honest(dimension))]
