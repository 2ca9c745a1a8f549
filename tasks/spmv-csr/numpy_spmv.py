"""The numpy way: a take, a product, and sums by reduceat; rows without elements afterwards."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


def nf_kernel(start: Ints, column: Ints, value: Floats, x: Floats, y: Floats, rows: int, cols: int, nnz: int) -> None:
    products = np.take(x[:cols], column[:nnz])
    np.multiply(products, value[:nnz], out=products)
    begins, ends = start[:rows], start[1 : rows + 1]
    np.add.reduceat(products, np.minimum(begins, nnz - 1), out=y[:rows])
    y[:rows][begins == ends] = 0
