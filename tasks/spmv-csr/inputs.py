"""Input distributions of spmv-csr: a new matrix for each question, its structure as well as its values.

Every matrix of a shape has exactly `nnz` stored elements. Within a row columns rise; they may repeat where a row has
more elements than the matrix has columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Counts = Callable[[np.random.Generator, int, int], Longs]


def fill(
    rng: np.random.Generator, dims: Mapping[str, int], distribution: str, arrays: Mapping[str, Floats]
) -> dict[str, float]:
    rows, cols, nnz = dims["rows"], dims["cols"], dims["nnz"]
    counts = _COUNTS.get(distribution, _even)(rng, rows, nnz)
    start, column = arrays["start"].view(np.int32), arrays["column"].view(np.int32)
    start[0] = 0
    np.cumsum(counts, out=start[1:])
    column[:] = _columns(rng, counts, start, rows, cols, banded=distribution in _BANDED)
    rng.standard_normal(out=arrays["value"], dtype=np.float32)
    rng.standard_normal(out=arrays["x"], dtype=np.float32)
    if distribution == "positive":
        np.abs(arrays["value"], out=arrays["value"])
        np.abs(arrays["x"], out=arrays["x"])
    elif distribution == "scaled":
        sizes = (10 ** rng.uniform(-4, 4, size=rows)).astype(np.float32)
        np.multiply(arrays["value"], np.repeat(sizes, counts), out=arrays["value"])
    elif distribution == "whole":
        np.round(np.multiply(arrays["value"], np.float32(100), out=arrays["value"]), out=arrays["value"])
        np.round(np.multiply(arrays["x"], np.float32(2), out=arrays["x"]), out=arrays["x"])
    return {}


def change_one(rng: np.random.Generator, dims: Mapping[str, int], arrays: Mapping[str, Floats]) -> None:
    """One stored element outgrows all others and meets no zero."""
    place = int(rng.integers(dims["nnz"]))
    value, x = arrays["value"], arrays["x"]
    size = np.float32(8) * (np.abs(value).max() + np.float32(1))
    value[place] = size if value[place] <= 0 else -size
    column = int(arrays["column"].view(np.int32)[place])
    x[column] = np.float32(1) + np.abs(x[column])


def _columns(
    rng: np.random.Generator, counts: Longs, start: Ints, rows: int, cols: int, *, banded: bool
) -> NDArray[np.float32] | Ints:
    """One column in each of as many equal parts of the row as it has elements, or side by side around the diagonal."""
    total = int(start[-1])
    within = np.arange(total, dtype=np.int32) - np.repeat(start[:-1], counts)
    if banded:
        first = np.arange(rows, dtype=np.int64) * cols // rows - counts // 2
        first = np.clip(first, 0, np.maximum(0, cols - counts)).astype(np.int32)
        return np.minimum(within + np.repeat(first, counts), np.int32(cols - 1))
    places = rng.random(total, dtype=np.float32)
    np.add(places, within, out=places)
    with np.errstate(divide="ignore"):
        widths = (cols / counts).astype(np.float32)
    np.multiply(places, np.repeat(widths, counts), out=places)
    np.minimum(places, np.float32(cols - 1), out=places)
    return places.astype(np.int32)


def _even(rng: np.random.Generator, rows: int, nnz: int) -> Longs:
    """All rows as long as the next, but for one element that some have more."""
    counts = np.full(rows, nnz // rows, dtype=np.int64)
    counts[rng.permutation(rows)[: nnz % rows]] += 1
    return counts


def _random(rng: np.random.Generator, rows: int, nnz: int) -> Longs:
    """Each element falls into a row of chance: lengths scatter, and short matrices have rows without elements."""
    return np.bincount(rng.integers(0, rows, size=nnz, dtype=np.int32), minlength=rows)


def _power_law(rng: np.random.Generator, rows: int, nnz: int) -> Longs:
    """Few rows have most of the elements, most have one or two, some none; in an order of chance."""
    weights = rng.permutation(1.0 / np.arange(1, rows + 1) ** rng.uniform(0.5, 0.8))
    counts = (weights * (nnz / weights.sum())).astype(np.int64)
    counts[int(rng.integers(rows))] += nnz - int(counts.sum())
    return counts


def _empty_rows(rng: np.random.Generator, rows: int, nnz: int) -> Longs:
    """Half of the rows have no elements, the first and the last among them now and then."""
    kept = np.flatnonzero(rng.random(rows) < 0.5)
    if kept.size == 0:
        kept = np.array([int(rng.integers(rows))])
    counts = np.zeros(rows, dtype=np.int64)
    counts[kept] = _even(rng, kept.size, nnz)
    return counts


def _one_dense(rng: np.random.Generator, rows: int, nnz: int) -> Longs:
    """One row has half of all elements."""
    counts = _even(rng, rows, nnz - nnz // 2)
    counts[int(rng.integers(rows))] += nnz // 2
    return counts


_COUNTS: Mapping[str, Counts] = {
    "random": _random,
    "power-law": _power_law,
    "empty-rows": _empty_rows,
    "one-dense": _one_dense,
    "positive": _random,
    "scaled": _random,
}
_BANDED = frozenset({"banded", "whole"})
