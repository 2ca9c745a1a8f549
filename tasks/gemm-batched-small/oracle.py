"""a b for each pair in float64, rounded once; errors count against |a| |b|, to which rounding is in proportion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ELEMENTS = 1 << 17


def expected(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    a, b, c = _matrices(dims, arrays, out)
    step = max(1, _ELEMENTS // max(a[0].size, b[0].size, c[0].size))
    for start in range(0, dims["batch"], step):
        some = slice(start, start + step)
        c[some] = np.matmul(a[some].astype(np.float64), b[some].astype(np.float64))


def magnitudes(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    a, b, c = _matrices(dims, arrays, out)
    step = max(1, _ELEMENTS // max(a[0].size, b[0].size, c[0].size))
    for start in range(0, dims["batch"], step):
        some = slice(start, start + step)
        np.matmul(np.abs(a[some]), np.abs(b[some]), out=c[some])


def _matrices(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], out: Mapping[str, Floats]
) -> tuple[Floats, Floats, Floats]:
    batch, m, n, k = (dims[name] for name in ("batch", "m", "n", "k"))
    return arrays["a"].reshape(batch, m, k), arrays["b"].reshape(batch, k, n), out["c"].reshape(batch, m, n)
