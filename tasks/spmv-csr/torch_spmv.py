"""torch sparse_csr_tensor (MKL, where torch has it); the copy into y is part of its price."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
Ints = NDArray[np.int32]


def nf_kernel(start: Ints, column: Ints, value: Floats, x: Floats, y: Floats, rows: int, cols: int, nnz: int) -> None:
    parts = (torch.from_numpy(start[: rows + 1]), torch.from_numpy(column[:nnz]), torch.from_numpy(value[:nnz]))
    matrix = torch.sparse_csr_tensor(*parts, size=(rows, cols), check_invariants=False)
    torch.from_numpy(y[:rows]).copy_(matrix @ torch.from_numpy(x[:cols]))
