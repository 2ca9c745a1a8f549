"""What a product with a vector keeps, whatever its answer is: signs and scales of either side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAMES = {
    "negate": "the negative matrix has the negative result",
    "scale": "eight times the vector and a quarter of the matrix give twice the result",
    "mirror": "columns and vector mirrored together give the same result",
}
_EIGHT, _QUARTER, _TWICE = np.float32(8), np.float32(0.25), np.float32(2)
"""Powers of two: the scaling itself rounds nothing."""


def prepare(name: str, arrays: Mapping[str, Floats]) -> None:
    """Any matrix will do."""


def change(name: str, arrays: Mapping[str, Floats]) -> None:
    value, x = arrays["value"], arrays["x"]
    if name == "negate":
        np.negative(value, out=value)
    elif name == "scale":
        np.multiply(x, _EIGHT, out=x)
        np.multiply(value, _QUARTER, out=value)
    else:
        column = arrays["column"].view(np.int32)
        np.subtract(np.int32(x.size - 1), column, out=column)
        x[:] = x[::-1].copy()


def expected(name: str, outputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
    y = outputs["y"]
    return {"y": {"negate": -y, "scale": y * _TWICE}.get(name, y)}
