"""scipy.special.erf and numpy, in place."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float32]


def nf_kernel(x: Floats, b: Floats, y: Floats, rows: int, cols: int) -> None:
    n = rows * cols
    source, target = x[:n].reshape(rows, cols), y[:n].reshape(rows, cols)
    v = np.add(source, b[:cols])
    np.multiply(v, np.float32(np.sqrt(0.5)), out=target)
    erf(target, out=target)
    np.add(target, np.float32(1), out=target)
    np.multiply(target, v, out=target)
    np.multiply(target, np.float32(0.5), out=target)
