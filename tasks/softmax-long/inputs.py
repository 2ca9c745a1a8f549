"""Input distributions of softmax-long. All values are finite float32.

Each draws its own parameters: the sum of 16 million terms of one fixed law is known to a few ten-thousandths without
a look at the data.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    _DISTRIBUTIONS[distribution](rng, arrays["x"])
    return {}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    """One element rises above all others: it takes more than half of the result."""
    x = arrays["x"]
    x[int(rng.integers(x.size))] = x.max() + np.float32(np.log(x.size) + 1.0)


def _normal(rng: np.random.Generator, x: Floats) -> None:
    rng.standard_normal(out=x, dtype=np.float32)
    np.multiply(x, np.float32(rng.uniform(0.7, 2.0)), out=x)
    np.add(x, np.float32(rng.uniform(-2, 2)), out=x)


def _wide(rng: np.random.Generator, x: Floats) -> None:
    """Most results underflow."""
    rng.standard_normal(out=x, dtype=np.float32)
    np.multiply(x, np.float32(20), out=x)


def _shifted(rng: np.random.Generator, x: Floats) -> None:
    """Far from zero: without subtracting the maximum, exp overflows or vanishes."""
    rng.random(out=x, dtype=np.float32)
    np.multiply(x, np.float32(rng.uniform(4, 12)), out=x)
    shift = rng.uniform(200, 2000) * (1 if rng.random() < 0.5 else -1)
    np.add(x, np.float32(shift), out=x)


def _uniform(rng: np.random.Generator, x: Floats) -> None:
    half = rng.uniform(5, 9)
    rng.random(out=x, dtype=np.float32)
    np.multiply(x, np.float32(2 * half), out=x)
    np.subtract(x, np.float32(half), out=x)


def _narrow(rng: np.random.Generator, x: Floats) -> None:
    """A small range, in which the answer still is not uniform."""
    rng.random(out=x, dtype=np.float32)
    np.multiply(x, np.float32(rng.uniform(0.5, 2.0)), out=x)


def _spikes(rng: np.random.Generator, x: Floats) -> None:
    """A few elements hold most of the sum, at places that differ from call to call."""
    rng.random(out=x, dtype=np.float32)
    places = rng.integers(0, x.size, size=min(x.size, 8))
    x[places] += rng.uniform(12, 18, size=places.size).astype(np.float32)


def _outlier(rng: np.random.Generator, x: Floats) -> None:
    """An element so far above the rest that exp overflows for whoever did not see it: anywhere, or at an end, where
    loops err. In a third of the draws another is nearly as high: an exp that stops at the largest number answers
    alike for both.
    """
    rng.random(out=x, dtype=np.float32)
    height = rng.uniform(95, 400)
    place = int(rng.choice([0, x.size - 1]) if rng.random() < 0.25 else rng.integers(x.size))
    x[place] += np.float32(height)
    other = int(rng.integers(x.size))
    if rng.random() < 1 / 3 and other != place:
        x[other] += np.float32(height - rng.uniform(1, 8))


def _rising(rng: np.random.Generator, x: Floats) -> None:
    """The running maximum changes all the way."""
    steps = np.linspace(-rng.uniform(10, 40), rng.uniform(0, 20), x.size, dtype=np.float32)
    x[:] = steps


def _constant(rng: np.random.Generator, x: Floats) -> None:
    x.fill(np.float32(rng.uniform(-500, 500)))


def _denormal(rng: np.random.Generator, x: Floats) -> None:
    """Inputs below the smallest normal number."""
    rng.random(out=x, dtype=np.float32)
    np.multiply(x, np.float32(1e-39), out=x)


_DISTRIBUTIONS = {
    "normal": _normal,
    "wide": _wide,
    "shifted": _shifted,
    "uniform": _uniform,
    "narrow": _narrow,
    "spikes": _spikes,
    "outlier": _outlier,
    "rising": _rising,
    "constant": _constant,
    "denormal": _denormal,
}
