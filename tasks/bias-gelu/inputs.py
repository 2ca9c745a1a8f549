"""Input distributions of bias-gelu. All values are finite float32, sums included."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    x, b = arrays["x"], arrays["b"]
    rng.standard_normal(out=x, dtype=np.float32)
    rng.standard_normal(out=b, dtype=np.float32)
    np.multiply(b, np.float32(rng.uniform(0.2, 1.0)), out=b)
    _DISTRIBUTIONS[distribution](rng, x.reshape(dims["rows"], dims["cols"]), b)
    return {}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    """One element becomes the largest by far: its result does, too."""
    x = arrays["x"]
    largest = np.abs(x).max() + np.abs(arrays["b"]).max() + np.float32(1)
    x[int(rng.integers(x.size))] = np.float32(4) * largest


def _normal(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    np.multiply(x, np.float32(rng.uniform(0.7, 2.0)), out=x)


def _small(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    """Near zero the result is half of the sum, and a little."""
    size = np.float32(10 ** rng.uniform(-4, -1))
    np.multiply(x, size, out=x)
    np.multiply(b, size, out=b)


def _tail(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    """Far below zero, where the result comes from the tail alone and a share of 1 less something cancels."""
    np.abs(x, out=x)
    np.multiply(x, np.float32(-rng.uniform(0.5, 1.5)), out=x)
    np.subtract(x, np.float32(rng.uniform(2.0, 4.5)), out=x)
    np.multiply(b, np.float32(0.1), out=b)


def _wide(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    """Most results are 0 or the sum itself."""
    np.multiply(x, np.float32(rng.uniform(10, 40)), out=x)


def _bends(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    """Where the curve bends most: from -3 to 3, evenly, each row somewhere else."""
    np.clip(x, -1, 1, out=x)
    np.multiply(x, np.float32(0.4), out=x)
    np.add(x, rng.uniform(-3, 3, size=(x.shape[0], 1)).astype(np.float32), out=x)


def _cancelling(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    """Large values and biases that nearly cancel."""
    np.multiply(b, np.float32(rng.uniform(10, 100)), out=b)
    np.round(b, out=b)
    np.subtract(x, b, out=x)


def _large(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    np.multiply(x, np.float32(10 ** rng.uniform(4, 30)), out=x)


def _constant(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    x.fill(np.float32(rng.uniform(-3, 3)))
    b.fill(np.float32(rng.uniform(-1, 1)))


def _uneven(rng: np.random.Generator, x: Floats, b: Floats) -> None:
    """Small at the beginning of a row and large at its end."""
    np.multiply(x, np.linspace(0.02, rng.uniform(3, 6), x.shape[1], dtype=np.float32), out=x)


_DISTRIBUTIONS = {
    "normal": _normal,
    "small": _small,
    "tail": _tail,
    "wide": _wide,
    "bends": _bends,
    "cancelling": _cancelling,
    "large": _large,
    "constant": _constant,
    "uneven": _uneven,
}
