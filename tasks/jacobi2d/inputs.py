"""Input distributions of jacobi2d. All values are finite float32, and no sum of four of them overflows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    x = arrays["x"]
    rng.standard_normal(out=x, dtype=np.float32)
    _DISTRIBUTIONS[distribution](rng, x.reshape(dims["rows"], dims["cols"]))
    return {}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    """One point outgrows all others: whatever the sweeps, its neighbourhood shows it."""
    x = arrays["x"]
    place = int(rng.integers(x.size))
    size = np.float32(8) * (np.abs(x).max() + np.float32(1))
    x[place] = size if x[place] <= 0 else -size


def _normal(rng: np.random.Generator, x: Floats) -> None:
    np.multiply(x, np.float32(rng.uniform(0.5, 2.0)), out=x)


def _offset(rng: np.random.Generator, x: Floats) -> None:
    """Far from zero."""
    np.add(x, np.float32(rng.uniform(3, 30) * (1 if rng.random() < 0.5 else -1)), out=x)


def _hot_edges(rng: np.random.Generator, x: Floats) -> None:
    """Nothing inside, everything at the edges, which stay as they are."""
    inner = x[1:-1, 1:-1]
    np.multiply(inner, np.float32(0), out=inner)
    np.multiply(x, np.float32(rng.uniform(1, 50)), out=x)


def _sources(rng: np.random.Generator, x: Floats) -> None:
    """Zero but for some points, at other places each time."""
    values = rng.uniform(1, 9, size=max(1, x.size // 50)).astype(np.float32)
    x.fill(0)
    x.reshape(-1)[rng.integers(0, x.size, size=values.size)] = values


def _chequered(rng: np.random.Generator, x: Floats) -> None:
    """Neighbours of opposite sign: each sweep turns the whole pattern round."""
    np.multiply(x, np.float32(rng.uniform(0.01, 0.1)), out=x)
    np.add(x, np.float32(rng.uniform(0.5, 2.0)), out=x)
    np.negative(x[::2, ::2], out=x[::2, ::2])
    np.negative(x[1::2, 1::2], out=x[1::2, 1::2])


def _smooth(rng: np.random.Generator, x: Floats) -> None:
    """Slow waves with a little noise: a sweep changes hardly anything."""
    rows, cols = x.shape
    down = np.sin(np.linspace(0, rng.uniform(2, 12), rows)).astype(np.float32)
    across = np.cos(np.linspace(0, rng.uniform(2, 12), cols)).astype(np.float32)
    np.multiply(x, np.float32(0.001), out=x)
    np.add(x, down[:, None] + across, out=x)


def _large(rng: np.random.Generator, x: Floats) -> None:
    np.multiply(x, np.float32(10 ** rng.uniform(10, 30)), out=x)


def _uneven(rng: np.random.Generator, x: Floats) -> None:
    """Small at the top left and large at the bottom right, so that no part stands for the whole."""
    rows, cols = x.shape
    top = rng.uniform(2, 6)
    np.multiply(x, np.linspace(0.05, top, rows, dtype=np.float32)[:, None], out=x)
    np.multiply(x, np.linspace(0.05, top, cols, dtype=np.float32), out=x)


_DISTRIBUTIONS = {
    "normal": _normal,
    "offset": _offset,
    "hot-edges": _hot_edges,
    "sources": _sources,
    "chequered": _chequered,
    "smooth": _smooth,
    "large": _large,
    "uneven": _uneven,
}
