"""Prefix networks as things to change, and one that fits given arrival times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from tools.rtl.structures import NETWORKS, Rows, legal_rows, network

NODE = 1.0
"""Delay of a node in units of an XOR gate, as `trees` counts."""


def fitted(arrivals: Sequence[float], low: int, *, slack: float = 0.0, random: Random | None = None) -> Rows:
    """Rows by which every carry comes about as early as it can, `slack` later at most, with few nodes.

    Row by row from the lowest: the longest spans of the rows below that are there early enough.
    """
    top = len(arrivals) - 1
    rows: Rows = [[] for _ in range(top + 1)]
    ready: list[dict[int, float]] = [{place: time} for place, time in enumerate(arrivals)]
    earliest = _earliest(arrivals, low)
    for place in range(low + 1, top + 1):
        allowed = earliest[place] + slack * (random.random() if random else 1.0)
        rows[place] = _row(ready, place, low, allowed)
        upper = place
        for j in rows[place]:
            ready[place][j] = max(ready[place][upper], ready[upper - 1][j]) + NODE
            upper = j
    return legal_rows(rows, low, top)


def _earliest(arrivals: Sequence[float], low: int) -> list[float]:
    """Per bit: when its carry can be there at the earliest, by Kraft's inequality, in whole nodes."""
    found, first, weight = list(arrivals), min(arrivals, default=0.0), 0.0
    for place in range(low, len(arrivals)):
        weight += 2.0 ** ((arrivals[place] - first) / NODE)
        found[place] = first + NODE * math.ceil(math.log2(weight) - 1e-9)
    return found


def _row(ready: Sequence[dict[int, float]], place: int, low: int, allowed: float) -> list[int]:
    """Lower ends from `place` down to `low`; nodes that are still to come in the row each cost one step."""
    row, upper, time = [], place, ready[place][place]
    while upper > low:
        below = ready[upper - 1]
        ends = sorted(below)
        fits = (j for j in ends if max(time, below[j]) + NODE * (1 if j == low else 2) <= allowed)
        chosen = next(fits, ends[0])
        time = max(time, below[chosen]) + NODE
        row.append(chosen)
        upper = chosen
    return row


def bounds(rows: Rows) -> tuple[int, int]:
    """(lowest bit with two operands, highest bit)."""
    ends = [row[-1] for row in rows if row]
    return (min(ends) if ends else max(0, len(rows) - 1)), len(rows) - 1


def mutated(rows: Rows, random: Random) -> tuple[Rows, str]:
    """One change: a node in, a node out, a node moved, or a row like a named network's."""
    low, top = bounds(rows)
    fresh = [list(row) for row in rows]
    spans = [(place, j) for place in range(low + 2, top + 1) for j in rows[place] if j != low]
    kind = random.choice(("insert", "remove", "move", "move", "remove", "insert", "copy"))
    if kind in ("remove", "move") and spans:
        place, j = random.choice(spans)
        fresh[place].remove(j)
        if kind == "remove":
            return _without(fresh, place, j, low, top), f"without span {place}..{j}"
        to = max(low + 1, min(place - 1, j + random.choice((-2, -1, 1, 2))))
        fresh[place].append(to)
        return legal_rows(fresh, low, top), f"span {place}..{to} for {place}..{j}"
    if top < low + 2:
        return fresh, ""
    place = random.randrange(low + 2, top + 1)
    if kind == "copy":
        name = random.choice(sorted(NETWORKS))
        fresh[place] = network(name, top + 1, low)[place]
        return legal_rows(fresh, low, top), f"row {place} as in {name}"
    j = random.randrange(low + 1, place)
    fresh[place].append(j)
    return legal_rows(fresh, low, top), f"span {place}..{j} added"


def _without(rows: Rows, place: int, j: int, low: int, top: int) -> Rows:
    """Legal again; where other rows need the span, they go by what is left of the row."""
    for other in range(place + 1, top + 1):
        upper = other
        for end in sorted(rows[other], reverse=True):
            if upper - 1 == place and end == j:
                rows[other].remove(end)
                break
            upper = end
    return legal_rows(rows, low, top)
