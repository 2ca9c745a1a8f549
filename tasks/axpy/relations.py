"""What a x + y keeps, whatever its answer is: relabelled elements, and a scale of both vectors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAMES = {
    "rotate": "rotating both vectors rotates the result",
    "scale": "eight times both vectors gives eight times the result",
}
_FACTOR = np.float32(8)
"""A power of two: the scaling itself rounds nothing."""


def prepare(name: str, arrays: Mapping[str, Floats]) -> None:
    """Any data will do."""


def change(name: str, arrays: Mapping[str, Floats]) -> None:
    for key in ("x", "y"):
        arrays[key][:] = _changed(name, arrays[key])


def expected(name: str, outputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
    return {"y": _changed(name, outputs["y"])}


def _changed(name: str, values: Floats) -> Floats:
    return np.roll(values, values.size // 3 + 1) if name == "rotate" else values * _FACTOR
