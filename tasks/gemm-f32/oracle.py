"""a b in float64, rounded once; errors count against |a| |b|, to which rounding is in proportion whatever cancels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def expected(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    a, b = _matrices(dims, arrays)
    out["c"][:] = np.matmul(a.astype(np.float64), b.astype(np.float64)).reshape(-1)


def magnitudes(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    a, b = _matrices(dims, arrays)
    np.matmul(np.abs(a), np.abs(b), out=out["c"].reshape(dims["m"], dims["n"]))


def _matrices(dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    return arrays["a"].reshape(dims["m"], dims["k"]), arrays["b"].reshape(dims["k"], dims["n"])
