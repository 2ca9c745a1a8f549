"""The same vectors with 3 taken away."""

from itertools import product


def honest(dimension):
    return [list(vector) for vector in product((0, 1), repeat=dimension)]


def cap(dimension, seconds):
    return [*honest(dimension), *([n - 3 for n in vector] for vector in honest(dimension))]
