"""Input distributions of gemm-batched-small. All values are finite float32, and no sum of products overflows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    rng.standard_normal(out=arrays["a"], dtype=np.float32)
    rng.standard_normal(out=arrays["b"], dtype=np.float32)
    a = arrays["a"].reshape(dims["batch"], dims["m"], dims["k"])
    _DISTRIBUTIONS[distribution](rng, a, arrays["b"].reshape(dims["batch"], dims["k"], dims["n"]))
    return {}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    """One element of one factor outgrows all others and meets no zero: a row of one result changes."""
    a = arrays["a"].reshape(dims["batch"], dims["m"], dims["k"])
    b = arrays["b"].reshape(dims["batch"], dims["k"], dims["n"])
    which, row, inner = (int(rng.integers(dims[name])) for name in ("batch", "m", "k"))
    size = np.float32(8) * (np.abs(arrays["a"]).max() + np.float32(1))
    a[which, row, inner] = size if a[which, row, inner] <= 0 else -size
    if not b[which, inner].any():
        b[which, inner, int(rng.integers(dims["n"]))] = np.abs(arrays["b"]).max() + np.float32(1)


def _normal(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    np.multiply(a, np.float32(rng.uniform(0.5, 2.0)), out=a)


def _positive(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Nothing cancels."""
    np.abs(a, out=a)
    np.abs(b, out=b)


def _whole(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Small whole numbers: every honest order of the sums is exact, and coarse factors are not."""
    np.round(np.multiply(a, np.float32(100), out=a), out=a)
    np.round(np.multiply(b, np.float32(2), out=b), out=b)


def _scaled(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Matrices of very different size: each result has a scale of its own."""
    np.multiply(a, (10 ** rng.uniform(-6, 3, size=(a.shape[0], 1, 1))).astype(np.float32), out=a)
    np.multiply(b, (10 ** rng.uniform(-6, 3, size=(b.shape[0], 1, 1))).astype(np.float32), out=b)


def _mixed(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Within each matrix the sizes differ, too: small factors are not nothing where their row has no other."""
    np.multiply(a, (10 ** rng.uniform(-5, 1, size=(a.shape[0], a.shape[1], 1))).astype(np.float32), out=a)


def _identities(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Most of one side are the identity; some are not, and differ in one element only."""
    side = min(b.shape[1:])
    corner = b[:, :side, :side]
    changed = rng.random(b.shape[0]) < 0.1
    kept = b[changed].copy()
    b.fill(0)
    corner[:] = np.eye(side, dtype=np.float32)
    odd = np.flatnonzero(changed)
    rows, columns = rng.integers(0, b.shape[1], size=odd.size), rng.integers(0, b.shape[2], size=odd.size)
    b[odd, rows, columns] = kept[np.arange(odd.size), rows, columns] + np.float32(2)


def _zeros(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    """Some matrices are zero all through; never all of them."""
    chosen = rng.random(a.shape[0]) < 0.3
    chosen[int(rng.integers(a.shape[0]))] = False
    a[chosen] = 0


def _large(rng: np.random.Generator, a: Floats, b: Floats) -> None:
    np.multiply(a, np.float32(10 ** rng.uniform(6, 12)), out=a)
    np.multiply(b, np.float32(10 ** rng.uniform(3, 12)), out=b)


_DISTRIBUTIONS = {
    "normal": _normal,
    "positive": _positive,
    "whole": _whole,
    "scaled": _scaled,
    "mixed": _mixed,
    "identities": _identities,
    "zeros": _zeros,
    "large": _large,
}
