"""The numpy way with a scratch array that is allocated once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_scratch: dict[int, Floats] = {}


def nf_kernel(x: Floats, y: Floats, n: int, a: float) -> None:
    if n not in _scratch:
        _scratch[n] = np.zeros(n, dtype=np.float32)
    np.multiply(x[:n], np.float32(a), out=_scratch[n])
    np.add(y[:n], _scratch[n], out=y[:n])
