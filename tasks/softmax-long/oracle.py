"""softmax over one row in float64, block by block, rounded once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_BLOCK = 1 << 15


def expected(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    x, y = arrays["x"], out["y"]
    largest = float(x.max())
    scratch = np.empty(min(_BLOCK, x.size), dtype=np.float64)
    total = 0.0
    for start in range(0, x.size, _BLOCK):
        total += float(_exponentials(x[start : start + _BLOCK], largest, scratch).sum())
    for start in range(0, x.size, _BLOCK):
        block = _exponentials(x[start : start + _BLOCK], largest, scratch)
        np.divide(block, total, out=y[start : start + _BLOCK], casting="same_kind")


def _exponentials(x: Floats, largest: float, scratch: NDArray[np.float64]) -> NDArray[np.float64]:
    block = scratch[: x.size]
    np.subtract(x, largest, out=block, dtype=np.float64)
    np.exp(block, out=block)
    return block
