"""torch.bmm on one thread, into memory that exists already."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]
torch.set_num_threads(1)
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def nf_kernel(a: Floats, b: Floats, c: Floats, batch: int, m: int, n: int, k: int) -> None:
    left = torch.from_numpy(a[: batch * m * k]).view(batch, m, k)
    right = torch.from_numpy(b[: batch * k * n]).view(batch, k, n)
    torch.bmm(left, right, out=torch.from_numpy(c[: batch * m * n]).view(batch, m, n))
