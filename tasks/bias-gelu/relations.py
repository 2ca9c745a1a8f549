"""What bias and GELU keep, whatever their answer is: relabelled elements, and what they are of x and of -x."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAMES = {
    "reverse": "reversing rows, elements and biases reverses the result",
    "large": "where all sums are large, twice the sums give twice the result",
    "moved": "moving a whole number from values to biases changes nothing",
}
_TWICE, _LARGE, _GRID, _MOVED = np.float32(2), np.float32(64), np.float32(2.0**-10), np.float32(8)


def prepare(name: str, arrays: Mapping[str, Floats]) -> None:
    """For `large`: beyond 64 the result is the sum or nothing. For `moved`: multiples of 2^-10 within 16."""
    x, b = arrays["x"], arrays["b"]
    if name == "large":
        x[:] = np.copysign(_LARGE + np.abs(x), x)
        np.clip(b, -1, 1, out=b)
    elif name == "moved":
        for array in (x, b):
            np.clip(np.round(array / _GRID) * _GRID, -16, 16, out=array)


def change(name: str, arrays: Mapping[str, Floats]) -> None:
    x, b = arrays["x"], arrays["b"]
    if name == "reverse":
        x[:], b[:] = x[::-1].copy(), b[::-1].copy()
    elif name == "large":
        np.multiply(x, _TWICE, out=x)
        np.multiply(b, _TWICE, out=b)
    else:
        np.subtract(x, _MOVED, out=x)
        np.add(b, _MOVED, out=b)


def expected(name: str, outputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
    y = outputs["y"]
    if name == "reverse":
        return {"y": np.ascontiguousarray(y[::-1])}
    return {"y": y * _TWICE if name == "large" else y}
