"""(x + b) times the normal distribution's share below it, in float64, rounded once; errors count against |x + b|."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
_ELEMENTS = 1 << 14
_END = 27.0
"""erfc beyond it is 0 in float64."""
_DEGREE = 18


def _logarithm(t: Doubles) -> Doubles:
    """log(erfc(z) / t) + z z for t = 1 / (1 + z / 2), by the mathematical library, for z below 20."""
    z = 2.0 / t - 2.0
    return np.array([math.log(math.erfc(one) / (1.0 / (1.0 + one / 2.0))) + one * one for one in z])


_FIT = Chebyshev.interpolate(_logarithm, _DEGREE, domain=[1.0 / 11.0, 1.0])
_COEFFICIENTS = _FIT.convert(domain=[-1.0, 1.0], kind=Polynomial, window=[-1.0, 1.0]).coef
"""erfc(z) is t exp(P(t) - z z): the tests hold it to 1e-11 of math.erfc."""


def expected(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    rows, cols = dims["rows"], dims["cols"]
    x, y = arrays["x"].reshape(rows, cols), out["y"].reshape(rows, cols)
    b = arrays["b"].astype(np.float64)
    step = max(1, _ELEMENTS // cols)
    for start in range(0, rows, step):
        v = x[start : start + step] + b
        np.multiply(v, share(v), out=y[start : start + step], casting="same_kind")


def magnitudes(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    """Far below zero the share is the little that 1 and erf leave of each other: right to a part of the sum's size."""
    rows, cols = dims["rows"], dims["cols"]
    y = out["y"].reshape(rows, cols)
    np.abs(np.add(arrays["x"].reshape(rows, cols), arrays["b"], out=y), out=y)


def share(v: Doubles) -> Doubles:
    """Of the normal distribution below v: half of erfc(-v / sqrt(2))."""
    z = np.abs(v)
    np.multiply(z, math.sqrt(0.5), out=z)
    np.minimum(z, _END, out=z)
    t = 1.0 / (1.0 + 0.5 * z)
    total = np.full_like(z, _COEFFICIENTS[-1])
    for coefficient in _COEFFICIENTS[-2::-1]:
        np.multiply(total, t, out=total)
        np.add(total, coefficient, out=total)
    np.multiply(z, z, out=z)
    np.subtract(total, z, out=total)
    np.exp(total, out=total)
    np.multiply(total, t, out=total)
    np.multiply(total, 0.5, out=total)
    np.subtract(1.0, total, out=total, where=v > 0)
    return total
