"""a x + y in float64, rounded once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_BLOCK = 1 << 15


def expected(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    x, y, a = arrays["x"], arrays["y"], scalars["a"]
    scratch = np.empty(min(_BLOCK, x.size), dtype=np.float64)
    for start in range(0, x.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        block = scratch[: x[part].size]
        np.multiply(x[part], a, out=block, dtype=np.float64)
        np.add(block, y[part], out=out["y"][part], dtype=np.float64, casting="same_kind")
