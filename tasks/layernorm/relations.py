"""What layer normalisation keeps, whatever its answer is: relabelled elements, signs, scales, and shifts of rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAMES = {
    "reverse": "reversing rows, elements, weights and biases reverses the result",
    "negate": "the negative matrix with the negative biases has the negative result",
    "weights": "eight times the weights and biases give eight times the result",
    "scale": "eight times a large matrix gives the same result",
    "shift": "adding one number to every element changes nothing",
}
_FACTOR = np.float32(8)
"""A power of two: the scaling itself rounds nothing."""
_LARGE = np.float32(2.0**12)
"""Beside squares of this size eps is below what float32 tells apart."""
_GRID = np.float32(2.0**-10)
_SHIFT = np.float32(32)


def prepare(name: str, arrays: Mapping[str, Floats]) -> None:
    """For the shift: multiples of 2^-10 within 16, so that adding 32 is exact in float32."""
    x = arrays["x"]
    if name == "scale":
        np.multiply(x, _LARGE, out=x)
    elif name == "shift":
        np.clip(np.round(x / _GRID) * _GRID, -16, 16, out=x)


def change(name: str, arrays: Mapping[str, Floats]) -> None:
    x, w, b = arrays["x"], arrays["w"], arrays["b"]
    if name == "reverse":
        x[:], w[:], b[:] = x[::-1].copy(), w[::-1].copy(), b[::-1].copy()
    elif name == "negate":
        np.negative(x, out=x)
        np.negative(b, out=b)
    elif name == "shift":
        np.add(x, _SHIFT, out=x)
    else:
        for changed in (w, b) if name == "weights" else (x,):
            np.multiply(changed, _FACTOR, out=changed)


def expected(name: str, outputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
    y = outputs["y"]
    if name == "reverse":
        return {"y": np.ascontiguousarray(y[::-1])}
    return {"y": {"negate": -y, "weights": y * _FACTOR}.get(name, y)}
