"""float64 answers of the task `softmax-triton`."""

from __future__ import annotations

import numpy as np


def expected(dims, arrays, scalars, out):
    x = arrays["x"].reshape(dims["rows"], dims["cols"]).astype(np.float64)
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    out["y"][:] = (powers / powers.sum(axis=1, keepdims=True)).ravel()
