"""The numpy way: a take, a product, and sums by reduceat over the rows that have elements."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


def nf_kernel(start: Ints, column: Ints, value: Floats, x: Floats, y: Floats, rows: int, cols: int, nnz: int) -> None:
    products = np.take(x[:cols], column[:nnz])
    np.multiply(products, value[:nnz], out=products)
    full = np.flatnonzero(start[:rows] < start[1 : rows + 1])
    y[:rows] = 0
    y[full] = np.add.reduceat(products, start[full])
