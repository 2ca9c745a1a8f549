"""softmax of each row in float64, rounded once; errors count against the row's largest result."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ELEMENTS = 1 << 15


def expected(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    rows, cols = dims["rows"], dims["cols"]
    x, y = arrays["x"].reshape(rows, cols), out["y"].reshape(rows, cols)
    step = max(1, _ELEMENTS // cols)
    for start in range(0, rows, step):
        block = x[start : start + step].astype(np.float64)
        np.subtract(block, block.max(axis=1, keepdims=True), out=block)
        np.exp(block, out=block)
        np.divide(block, block.sum(axis=1, keepdims=True), out=y[start : start + step], casting="same_kind")


def magnitudes(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    """Each row has a scale of its own: a row of a thousand alike must not hide behind one with a single peak."""
    y = out["y"].reshape(dims["rows"], dims["cols"])
    y[:] = y.max(axis=1, keepdims=True)
