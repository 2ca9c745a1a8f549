"""torch.softmax on one thread, into memory that exists already (an allocated result would fault on each page)."""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

torch.set_num_threads(1)
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def nf_kernel(x: NDArray[np.float32], y: NDArray[np.float32], n: int) -> None:
    torch.softmax(torch.from_numpy(x[:n]), dim=0, out=torch.from_numpy(y[:n]))
