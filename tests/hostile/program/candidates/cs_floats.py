"""The same vectors as floating-point numbers."""

from itertools import product


def honest(dimension):
    return [list(vector) for vector in product((0, 1), repeat=dimension)]


def cap(dimension, seconds):
    return [*honest(dimension), *([float(n) for n in vector] for vector in honest(dimension))]
