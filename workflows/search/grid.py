"""MAP-Elites (Mouret and Clune, arXiv 1504.04909): a cell for each kind of behaviour that a task declares.

Declared dimensions have a name and no range, so the bins are fixed ones that fit every scale: two per octave of
1 + |value|, with its sign. A candidate's cell never changes, whatever comes after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

BINS_PER_OCTAVE = 2


def bin_of(value: float) -> int:
    size = math.floor(BINS_PER_OCTAVE * math.log2(1.0 + abs(value)))
    return -size if value < 0 else size


def bounds_of(bin_number: int) -> tuple[float, float]:
    """From which value to which a bin goes, the one nearer to zero first."""
    sign, size = (-1.0 if bin_number < 0 else 1.0), abs(bin_number)
    near, far = (2.0 ** (edge / BINS_PER_OCTAVE) - 1.0 for edge in (size, size + 1))
    return sign * near, sign * far


def cell_of(behaviour: Mapping[str, float], dimensions: Sequence[str]) -> str:
    """`7/-2`; empty unless every dimension was measured as a finite number."""
    values = [behaviour.get(name, math.nan) for name in dimensions]
    if not values or not all(map(math.isfinite, values)):
        return ""
    return "/".join(str(bin_of(value)) for value in values)


def rarity_of(cells: Mapping[int, str]) -> dict[int, float]:
    """Ordinal → 1 / number of candidates that share its cell."""
    crowds: dict[str, int] = {}
    for cell in cells.values():
        crowds[cell] = crowds.get(cell, 0) + 1
    return {ordinal: 1.0 / crowds[cell] for ordinal, cell in cells.items()}
