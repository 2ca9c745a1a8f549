"""Sums of products by rows in float64, rounded once; errors count against the sums of the products' sizes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]


def expected(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    out["y"][:] = _sums(_products(arrays), arrays["start"].view(np.int32))


def magnitudes(
    dims: Mapping[str, int], arrays: Mapping[str, Floats], scalars: Mapping[str, float], out: Mapping[str, Floats]
) -> None:
    """A row without elements has magnitude 0: its result has to be exactly 0."""
    products = _products(arrays)
    np.abs(products, out=products)
    out["y"][:] = _sums(products, arrays["start"].view(np.int32))


def _products(arrays: Mapping[str, Floats]) -> Doubles:
    found = np.take(arrays["x"].astype(np.float64), arrays["column"].view(np.int32))
    return np.multiply(found, arrays["value"], out=found)


def _sums(products: Doubles, start: Ints) -> Doubles:
    """`reduceat` gives a row without elements the element where it would begin: such rows are left out."""
    begins, ends = start[:-1], start[1:]
    filled = np.flatnonzero(begins < ends)
    sums = np.zeros(begins.size, dtype=np.float64)
    sums[filled] = np.add.reduceat(products, begins[filled])
    return sums
