"""(x - mean) w / sqrt(variance + eps) + b by rows, in float64, rounded once."""

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
    w, b = arrays["w"].astype(np.float64), arrays["b"].astype(np.float64)
    step = max(1, _ELEMENTS // cols)
    for start in range(0, rows, step):
        block = x[start : start + step].astype(np.float64)
        np.subtract(block, block.mean(axis=1, keepdims=True), out=block)
        scale = 1.0 / np.sqrt(np.einsum("rc,rc->r", block, block) / cols + scalars["eps"])
        np.multiply(block, scale[:, None], out=block)
        np.multiply(block, w, out=block)
        np.add(block, b, out=y[start : start + step], casting="same_kind")
