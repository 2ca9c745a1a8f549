"""torch.add with alpha, in place, on one thread."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

torch.set_num_threads(1)
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def nf_kernel(x: NDArray[np.float32], y: NDArray[np.float32], n: int, a: float) -> None:
    torch.from_numpy(y[:n]).add_(torch.from_numpy(x[:n]), alpha=a)
