"""Input distributions of gemm-f32. All values are finite float32, and no sum of products overflows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    a, b = arrays["a"].reshape(dims["m"], dims["k"]), arrays["b"].reshape(dims["k"], dims["n"])
    rng.standard_normal(out=arrays["a"], dtype=np.float32)
    rng.standard_normal(out=arrays["b"], dtype=np.float32)
    _DISTRIBUTIONS[distribution](rng, a, b)
    return {}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    """One element of one factor outgrows all others and meets no zero: a row or a column of the result changes."""
    name = ("a", "b")[int(rng.integers(2))]
    changed, other = arrays[name], arrays["b" if name == "a" else "a"]
    place = int(rng.integers(changed.size))
    size = np.float32(8) * (np.abs(changed).max() + np.float32(1))
    changed[place] = size if changed[place] <= 0 else -size
    a, b = arrays["a"].reshape(dims["m"], dims["k"]), arrays["b"].reshape(dims["k"], dims["n"])
    partners = b[place % dims["k"]] if name == "a" else a[:, place // dims["n"]]
    if not partners.any():
        partners[int(rng.integers(partners.size))] = np.abs(other).max() + np.float32(1)


def _normal(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    np.multiply(a, np.float32(rng.uniform(0.5, 2.0)), out=a)


def _positive(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Nothing cancels: one long accumulator drifts."""
    np.abs(a, out=a)
    np.abs(b, out=b)


def _whole(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Small whole numbers: every honest order of the sums is exact, and coarse factors are not."""
    np.round(np.multiply(a, np.float32(100), out=a), out=a)
    np.round(np.multiply(b, np.float32(2), out=b), out=b)
    np.clip(a, -500, 500, out=a)


def _scaled(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Rows of a and columns of b of very different size: each result has a scale of its own."""
    np.multiply(a, (10 ** rng.uniform(-3, 3, size=(a.shape[0], 1))).astype(np.float32), out=a)
    np.multiply(b, (10 ** rng.uniform(-3, 3, size=(1, b.shape[1]))).astype(np.float32), out=b)


def _cancelling(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """The second half of a row of a undoes what the first half did, but for a little."""
    half = a.shape[1] // 2
    if half:
        a[:, half : 2 * half] = a[:, :half]
        b[half : 2 * half] = b[:half]
        np.negative(b[half : 2 * half], out=b[half : 2 * half])
        np.multiply(b[:half], np.float32(1 + rng.uniform(1e-3, 1e-2)), out=b[:half])


def _sparse(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Most elements of a are zero, and some of its rows as a whole; never all."""
    kept = rng.random(a.shape, dtype=np.float32) < np.float32(rng.uniform(0.02, 0.2))
    kept[:: int(rng.integers(2, 5))] = False
    kept[int(rng.integers(a.shape[0])), int(rng.integers(a.shape[1]))] = True
    np.multiply(a, kept, out=a)


def _symmetric(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Nearly what a shortcut hopes for: symmetric in a square corner, but for one element; or nearly diagonal."""
    side = min(a.shape)
    corner = a[:side, :side]
    if rng.random() < 0.5:
        corner[:] = corner + corner.T
    else:
        np.multiply(corner, np.eye(side, dtype=np.float32), out=corner)
    corner[int(rng.integers(side)), int(rng.integers(side))] += np.float32(3)


def _large(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    np.multiply(a, np.float32(10 ** rng.uniform(6, 12)), out=a)
    np.multiply(b, np.float32(10 ** rng.uniform(3, 12)), out=b)


def _uneven(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Small at the beginning of the inner dimension and large at its end: no part of it stands for the whole."""
    grows = np.linspace(0.05, rng.uniform(2, 6), a.shape[1], dtype=np.float32)
    np.multiply(a, grows, out=a)
    np.multiply(b, grows[:, None], out=b)


_DISTRIBUTIONS = {
    "normal": _normal,
    "positive": _positive,
    "whole": _whole,
    "scaled": _scaled,
    "cancelling": _cancelling,
    "sparse": _sparse,
    "symmetric": _symmetric,
    "large": _large,
    "uneven": _uneven,
}
