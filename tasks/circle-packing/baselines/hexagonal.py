"""Equal circles in rows of k and k - 1 in turn, each row in the dents of the one before; the best k."""

from math import sqrt


def pack(circles, seconds):
    """[[x, y, r], ...]"""
    radius, wide = max((radius_of(circles, wide), wide) for wide in range(2, circles + 2))
    radius = radius * (1 - 1e-14)
    centres = [
        (radius * (1 + 2 * place + row % 2), radius * (1 + row * sqrt(3)))
        for row in range(circles)
        for place in range(wide - row % 2)
    ]
    return [[x, y, radius - 1e-15] for x, y in centres[:circles]]


def radius_of(circles, wide):
    """The largest that fits in both directions."""
    rows = placed = 0
    while placed < circles:
        placed += wide - rows % 2
        rows += 1
    return min(0.5 / wide, 1 / (2 + (rows - 1) * sqrt(3)))
