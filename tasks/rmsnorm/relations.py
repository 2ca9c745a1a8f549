"""What RMS normalisation keeps, whatever its answer is: relabelled elements, signs, scales of weights and of rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAMES = {
    "reverse": "reversing rows, elements and weights reverses the result",
    "negate": "the negative matrix has the negative result",
    "weights": "eight times the weights give eight times the result",
    "scale": "eight times a large matrix gives the same result",
}
_FACTOR = np.float32(8)
"""A power of two: the scaling itself rounds nothing."""
_LARGE = np.float32(2.0**12)
"""Beside squares of this size eps is below what float32 tells apart."""


def prepare(name: str, arrays: Mapping[str, Floats]) -> None:
    if name == "scale":
        np.multiply(arrays["x"], _LARGE, out=arrays["x"])


def change(name: str, arrays: Mapping[str, Floats]) -> None:
    x, w = arrays["x"], arrays["w"]
    if name == "reverse":
        x[:], w[:] = x[::-1].copy(), w[::-1].copy()
    elif name == "negate":
        np.negative(x, out=x)
    else:
        changed = w if name == "weights" else x
        np.multiply(changed, _FACTOR, out=changed)


def expected(name: str, outputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
    y = outputs["y"]
    if name == "reverse":
        return {"y": np.ascontiguousarray(y[::-1])}
    return {"y": {"negate": -y, "weights": y * _FACTOR}.get(name, y)}
