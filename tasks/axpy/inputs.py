"""Input distributions of axpy. All values are finite float32."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    x, y = arrays["x"], arrays["y"]
    if distribution == "normal":
        rng.standard_normal(out=x, dtype=np.float32)
    else:
        rng.random(out=x, dtype=np.float32)
    rng.random(out=y, dtype=np.float32)
    if distribution == "large":
        np.multiply(x, np.float32(1e6), out=x)
    elif distribution == "constant":
        x.fill(np.float32(rng.uniform(-3, 3)))
    return {"a": float(np.float32(rng.uniform(0.5, 4.0) * (1 if rng.random() < 0.5 else -1)))}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    x = arrays["x"]
    x[int(rng.integers(x.size))] += np.float32(4.0) * np.abs(x).max()
