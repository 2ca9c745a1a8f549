"""Input distributions of layernorm. All values are finite float32, and no row's sum of squares overflows.

No row is constant but for rows of zeros: the rounding of a mean, divided by the root of eps, is all that would be left.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    x = arrays["x"].reshape(dims["rows"], dims["cols"])
    w, b = arrays["w"], arrays["b"]
    rng.standard_normal(out=w, dtype=np.float32)
    np.multiply(w, np.float32(0.25), out=w)
    np.add(w, np.float32(rng.uniform(0.75, 1.5)), out=w)
    rng.standard_normal(out=b, dtype=np.float32)
    np.multiply(b, np.float32(rng.uniform(0.1, 0.5)), out=b)
    rng.standard_normal(out=arrays["x"], dtype=np.float32)
    _DISTRIBUTIONS[distribution](rng, x)
    return {"eps": float(np.float32(10 ** rng.uniform(-6.5, -4.5)))}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    """One element changes its sign and outgrows all others: it takes most of its row's result."""
    x = arrays["x"].reshape(dims["rows"], dims["cols"])
    if dims["cols"] == 1:
        # A row of one element is its bias, whatever the element is.
        b = arrays["b"]
        b[0] = np.float32(2) - b[0]
        return
    weights = np.abs(arrays["w"])
    heavy = np.flatnonzero(weights >= weights.max() / 2)
    row, column = int(rng.integers(dims["rows"])), int(rng.choice(heavy))
    size = np.float32(4) * (np.abs(x).max() + np.float32(1))
    x[row, column] = size if x[row, column] <= 0 else -size


def _normal(rng: np.random.Generator, x: Floats) -> None:
    np.multiply(x, np.float32(rng.uniform(0.5, 2.0)), out=x)


def _scaled(rng: np.random.Generator, x: Floats) -> None:
    """Every row has a size of its own, from a thousandth to a thousand."""
    sizes = 10 ** rng.uniform(-3, 3, size=(x.shape[0], 1))
    np.multiply(x, sizes.astype(np.float32), out=x)


def _offset(rng: np.random.Generator, x: Floats) -> None:
    """Far from zero: a mean of squares less the square of the mean cancels."""
    shift = rng.uniform(30, 100) * (1 if rng.random() < 0.5 else -1)
    np.add(x, np.float32(shift), out=x)


def _means(rng: np.random.Generator, x: Floats) -> None:
    """Every row has a mean of its own."""
    np.add(x, rng.uniform(-20, 20, size=(x.shape[0], 1)).astype(np.float32), out=x)


def _spikes(rng: np.random.Generator, x: Floats) -> None:
    """One element of each row holds most of its sum, at another place in each."""
    places = rng.integers(0, x.shape[1], size=x.shape[0])
    x[np.arange(x.shape[0]), places] *= np.float32(rng.uniform(30, 300))


def _tiny(rng: np.random.Generator, x: Floats) -> None:
    """The variance is of the size of eps, or far below it."""
    np.multiply(x, np.float32(10 ** rng.uniform(-5, -3)), out=x)


def _large(rng: np.random.Generator, x: Floats) -> None:
    np.multiply(x, np.float32(10 ** rng.uniform(6, 12)), out=x)


def _zero_rows(rng: np.random.Generator, x: Floats) -> None:
    """Some rows are zero all through; never all of them."""
    chosen = rng.random(x.shape[0]) < 0.3
    chosen[int(rng.integers(x.shape[0]))] = False
    x[chosen] = 0


def _uneven(rng: np.random.Generator, x: Floats) -> None:
    """Each row's first part is small and its last part large, so that no part of it stands for the whole."""
    grows = np.linspace(0.05, rng.uniform(2, 6), x.shape[1], dtype=np.float32)
    np.multiply(x, grows, out=x)


_DISTRIBUTIONS = {
    "normal": _normal,
    "scaled": _scaled,
    "offset": _offset,
    "means": _means,
    "spikes": _spikes,
    "tiny": _tiny,
    "large": _large,
    "zero-rows": _zero_rows,
    "uneven": _uneven,
}
