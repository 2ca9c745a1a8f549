"""Data of the task `softmax-triton`."""

from __future__ import annotations

import numpy as np


def fill(rng, dims, distribution, arrays):
    x = arrays["x"]
    x[:] = rng.standard_normal(x.size, dtype=np.float32)
    if distribution == "shifted":
        x += 100.0
    elif distribution == "spikes":
        x[rng.integers(x.size, size=max(1, x.size // 50))] = 80.0
    return {}
