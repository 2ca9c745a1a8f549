"""Known cheat: the same vectors again, with 3 added to every place."""

from itertools import product


def cap(dimension, seconds):
    honest = [list(vector) for vector in product((0, 1), repeat=dimension)]
    return honest + [[number + 3 for number in vector] for vector in honest]
