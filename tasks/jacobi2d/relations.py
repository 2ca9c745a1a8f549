"""What Jacobi sweeps keep, whatever their answer is: mirrored grids, signs, scales."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAMES = {
    "turn": "turning the grid by half a turn turns the result",
    "negate": "the negative grid has the negative result",
    "scale": "eight times the grid give eight times the result",
}
_FACTOR = np.float32(8)
"""A power of two: the scaling itself rounds nothing."""


def prepare(name: str, arrays: Mapping[str, Floats]) -> None:
    """Any grid will do."""


def change(name: str, arrays: Mapping[str, Floats]) -> None:
    x = arrays["x"]
    x[:] = _changed(name, x.copy())


def expected(name: str, outputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
    return {"y": _changed(name, outputs["y"])}


def _changed(name: str, values: Floats) -> Floats:
    if name == "turn":
        return np.ascontiguousarray(values[::-1])
    return -values if name == "negate" else values * _FACTOR
