"""torch gelu(x + b), both into memory that exists already."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def nf_kernel(x: Floats, b: Floats, y: Floats, rows: int, cols: int) -> None:
    n = rows * cols
    result = torch.from_numpy(y[:n]).view(rows, cols)
    torch.add(torch.from_numpy(x[:n]).view(rows, cols), torch.from_numpy(b[:cols]), out=result)
    torch.ops.aten.gelu.out(result, approximate="none", out=result)
