"""torch.softmax, into memory that exists already (an allocated result would fault on each page)."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def nf_kernel(x: Floats, y: Floats, rows: int, cols: int) -> None:
    n = rows * cols
    source = torch.from_numpy(x[:n]).view(rows, cols)
    torch.softmax(source, dim=1, out=torch.from_numpy(y[:n]).view(rows, cols))
