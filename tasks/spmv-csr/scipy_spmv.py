"""scipy.sparse: the product of a matrix in compressed rows and a vector, into memory that exists already."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import _sparsetools

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


def nf_kernel(start: Ints, column: Ints, value: Floats, x: Floats, y: Floats, rows: int, cols: int, nnz: int) -> None:
    """What `csr_array @ x` calls, without making an array and its checks for each call. It adds to y."""
    y[:rows] = 0
    _sparsetools.csr_matvec(rows, cols, start[: rows + 1], column[:nnz], value[:nnz], x[:cols], y[:rows])
