"""The numpy way, in place: the sums of squares by einsum, which makes no squared copy."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def nf_kernel(x: Floats, w: Floats, b: Floats, y: Floats, rows: int, cols: int, eps: float) -> None:
    n = rows * cols
    source, target = x[:n].reshape(rows, cols), y[:n].reshape(rows, cols)
    np.subtract(source, source.mean(axis=1, keepdims=True), out=target)
    scale = 1.0 / np.sqrt(np.einsum("rc,rc->r", target, target) / np.float32(cols) + np.float32(eps))
    np.multiply(target, scale[:, None], out=target)
    np.multiply(target, w[:cols], out=target)
    np.add(target, b[:cols], out=target)
