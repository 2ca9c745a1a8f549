"""What a batch of products keeps, whatever its answer is: relabelled rows and columns, signs, scales."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAMES = {
    "turn": "reversing the batch with both its factors reverses the results",
    "negate": "the negative of one factor gives the negative result",
    "scale": "eight times one factor and a quarter of the other give twice the result",
}
_EIGHT, _QUARTER, _TWICE = np.float32(8), np.float32(0.25), np.float32(2)
"""Powers of two: the scaling itself rounds nothing."""


def prepare(name: str, arrays: Mapping[str, Floats]) -> None:
    """Any factors will do."""


def change(name: str, arrays: Mapping[str, Floats]) -> None:
    a, b = arrays["a"], arrays["b"]
    if name == "turn":
        a[:], b[:] = a[::-1].copy(), b[::-1].copy()
    elif name == "negate":
        np.negative(b, out=b)
    else:
        np.multiply(a, _EIGHT, out=a)
        np.multiply(b, _QUARTER, out=b)


def expected(name: str, outputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
    c = outputs["c"]
    if name == "turn":
        return {"c": np.ascontiguousarray(c[::-1])}
    return {"c": -c if name == "negate" else c * _TWICE}
