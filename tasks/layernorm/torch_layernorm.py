"""torch.nn.functional.layer_norm. It has no output argument: the copy into y is part of its price."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def nf_kernel(x: Floats, w: Floats, b: Floats, y: Floats, rows: int, cols: int, eps: float) -> None:
    n = rows * cols
    source = torch.from_numpy(x[:n]).view(rows, cols)
    weight, bias = torch.from_numpy(w[:cols]), torch.from_numpy(b[:cols])
    result = torch.nn.functional.layer_norm(source, (cols,), weight, bias, eps)
    torch.from_numpy(y[:n]).view(rows, cols).copy_(result)
