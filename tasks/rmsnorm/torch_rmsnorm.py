"""torch.nn.functional.rms_norm on one thread. It has no output argument: the copy into y is part of its price."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]
torch.set_num_threads(1)
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def nf_kernel(x: Floats, w: Floats, y: Floats, rows: int, cols: int, eps: float) -> None:
    n = rows * cols
    source = torch.from_numpy(x[:n]).view(rows, cols)
    result = torch.nn.functional.rms_norm(source, (cols,), torch.from_numpy(w[:cols]), eps)
    torch.from_numpy(y[:n]).view(rows, cols).copy_(result)
