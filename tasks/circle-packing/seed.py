"""Circles in the unit square: a square grid of equal circles, the rest in the holes between four of them.

Operators read the comment in `pack`: a vector, what should be large, and what must not be below zero.
"""

from math import hypot, isqrt


def pack(circles, seconds):
    """[[x, y, r], ...]: centres and radii of circles that do not overlap."""
    layout = grid(circles)
    # nf: refine layout maximise total keeping gaps within seconds
    return settle(layout)


def grid(circles):
    """x, y, r of one circle after another."""
    side = isqrt(circles)
    if circles - side * side > (side - 1) ** 2:
        side += 1
    places = [((i + 0.5) / side, (j + 0.5) / side, 0.5 / side) for i in range(side) for j in range(side)]
    hole = (2**0.5 - 1) * 0.5 / side
    places += [(i / side, j / side, hole) for i in range(1, side) for j in range(1, side)]
    return [number for place in places[:circles] for number in place]


def total(layout):
    """The sum of the radii."""
    added = 0.0
    for radius in layout[2::3]:
        added += radius
    return added


def gaps(layout):
    """Distances from wall to circle and from circle to circle; below zero where they overlap."""
    x, y, r = layout[0::3], layout[1::3], layout[2::3]
    found = []
    for i in range(len(r)):
        here, there, size = x[i], y[i], r[i]
        found += (here - size, 1 - here - size, there - size, 1 - there - size, size)
        found += [hypot(here - p, there - q) - size - s for p, q, s in zip(x[:i], y[:i], r[:i])]
    return found


def settle(layout):
    """All radii smaller by the same factor, until no circle overlaps in exact arithmetic, either."""
    circles = [layout[k : k + 3] for k in range(0, len(layout), 3)]
    share = 1.0
    for i, (x, y, r) in enumerate(circles):
        share = min(share, min(x, 1 - x, y, 1 - y) / r)
        share = min([share, *(hypot(x - p, y - q) / (r + s) for p, q, s in circles[:i])])
    return [[x, y, r * share * (1 - 1e-14) - 1e-15] for x, y, r in circles]
