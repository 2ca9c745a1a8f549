"""Input distributions of softmax-rows. All values are finite float32.

Each draws its own parameters, and rows differ: what one row's sum is says nothing of the next.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    _DISTRIBUTIONS[distribution](rng, arrays["x"].reshape(dims["rows"], dims["cols"]))
    return {}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    """One element rises above all others of its row, of which it takes more than half.

    A row of one element has no other answer than 1.
    """
    x = arrays["x"].reshape(dims["rows"], dims["cols"])
    row, column = int(rng.integers(dims["rows"])), int(rng.integers(dims["cols"]))
    x[row, column] = x[row].max() + np.float32(np.log(dims["cols"]) + 1.0)


def _normal(rng: np.random.Generator, x: Floats) -> None:
    rng.standard_normal(out=x, dtype=np.float32)
    np.multiply(x, np.float32(rng.uniform(0.7, 2.0)), out=x)


def _rows(rng: np.random.Generator, x: Floats) -> None:
    """Each row has its own width and its own place, some far from zero."""
    rng.standard_normal(out=x, dtype=np.float32)
    np.multiply(x, rng.uniform(0.1, 6, size=(x.shape[0], 1)).astype(np.float32), out=x)
    np.add(x, rng.uniform(-300, 300, size=(x.shape[0], 1)).astype(np.float32), out=x)


def _wide(rng: np.random.Generator, x: Floats) -> None:
    """Most results underflow."""
    rng.standard_normal(out=x, dtype=np.float32)
    np.multiply(x, np.float32(20), out=x)


def _narrow(rng: np.random.Generator, x: Floats) -> None:
    """A small range, in which the answer still is not uniform."""
    rng.random(out=x, dtype=np.float32)
    np.multiply(x, np.float32(rng.uniform(0.5, 2.0)), out=x)


def _spikes(rng: np.random.Generator, x: Floats) -> None:
    """One element of each row holds most of its sum, at another place in each."""
    rng.random(out=x, dtype=np.float32)
    places = rng.integers(0, x.shape[1], size=x.shape[0])
    x[np.arange(x.shape[0]), places] += rng.uniform(8, 18, size=x.shape[0]).astype(np.float32)


def _outlier(rng: np.random.Generator, x: Floats) -> None:
    """An element of each row so far above the rest that exp overflows for whoever did not see it: anywhere, or at an
    end. In a third of the rows another is nearly as high: an exp that stops at the largest number answers alike.
    """
    rng.random(out=x, dtype=np.float32)
    rows, cols = x.shape
    heights = rng.uniform(95, 400, size=rows)
    places = rng.integers(0, cols, size=rows)
    ends = rng.random(rows) < 0.25
    places[ends] = rng.choice([0, cols - 1], size=int(ends.sum()))
    others = rng.integers(0, cols, size=rows)
    near = (rng.random(rows) < 1 / 3) & (others != places)
    x[np.flatnonzero(near), others[near]] += (heights - rng.uniform(1, 8, size=rows))[near].astype(np.float32)
    x[np.arange(rows), places] += heights.astype(np.float32)


def _rising(rng: np.random.Generator, x: Floats) -> None:
    """The running maximum changes all the way, and no part of a row stands for the whole."""
    x[:] = np.linspace(-rng.uniform(5, 40), rng.uniform(0, 20), x.shape[1], dtype=np.float32)
    np.add(x, rng.uniform(-9, 9, size=(x.shape[0], 1)).astype(np.float32), out=x)


def _constant(rng: np.random.Generator, x: Floats) -> None:
    x[:] = rng.uniform(-500, 500, size=(x.shape[0], 1)).astype(np.float32)


def _denormal(rng: np.random.Generator, x: Floats) -> None:
    """Inputs below the smallest normal number."""
    rng.random(out=x, dtype=np.float32)
    np.multiply(x, np.float32(1e-39), out=x)


_DISTRIBUTIONS = {
    "normal": _normal,
    "rows": _rows,
    "wide": _wide,
    "narrow": _narrow,
    "spikes": _spikes,
    "outlier": _outlier,
    "rising": _rising,
    "constant": _constant,
    "denormal": _denormal,
}
