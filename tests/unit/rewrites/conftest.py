"""Kernels in plain C that no task ships, their float64 answers, and a compiler to judge what rewrites made of them."""

from __future__ import annotations

import ctypes
import hashlib
import math
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nightforge.domain.team import Draft, Operator, OperatorContext, Program

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

FLAGS = {
    "fast-math": "-ffast-math",
    "vec512": "-mprefer-vector-width=512",
    "vec256": "-mprefer-vector-width=256",
    "unroll": "-funroll-loops",
    "prefetch": "-fprefetch-loop-arrays",
}
_HEAD = "#include <math.h>\n\nvoid kernel(const float *x, float *y, long rows, long columns) {\n"

GELU = (
    _HEAD
    + """    for (long r = 0; r < rows; r++) {
        for (long c = 0; c < columns; c++) {
            y[r * columns + c] = 0.5f * x[r * columns + c] * (1.0f + erff(x[r * columns + c] * 0.70710678f));
        }
    }
}
"""
)
GELU_TANH = (
    _HEAD
    + """    const long n = rows * columns;
    const float width = 1.25331414f;
    for (long i = 0; i < n; i++) {
        const float v = x[i];
        y[i] = (v + 0.044715f * v * v * v) / width;
    }
    for (long i = 0; i < n; i++) y[i] = 0.5f * x[i] * (1.0f + tanhf(y[i]));
}
"""
)
GELU_STRIPS = (
    "#define STRIP 64\n"
    + _HEAD
    + """    const long n = rows * columns;
    for (long start = 0; start < n; start += STRIP) {
        const long end = start + STRIP < n ? start + STRIP : n;
        for (long i = start; i < end; i++) {
            y[i] = x[i] * 0.70710678f;
            y[i] = 0.5f * x[i] * (1.0f + erff(y[i]));
        }
    }
}
"""
)
LAYERNORM = (
    _HEAD
    + """    for (long r = 0; r < rows; r++) {
        const float *in = x + r * columns;
        float *out = y + r * columns;
        float sum = 0.0f;
        for (long c = 0; c < columns; c++) sum += in[c];
        const float mean = sum / columns;
        float square = 0.0f;
        for (long c = 0; c < columns; c++) {
            out[c] = in[c] - mean;
            square += out[c] * out[c];
        }
        const float deviation = sqrtf(square / columns + 1e-5f);
        for (long c = 0; c < columns; c++) out[c] /= deviation;
    }
}
"""
)
ROW_SOFTMAX = (
    _HEAD
    + """    for (long r = 0; r < rows; r++) {
        const float *in = x + r * columns;
        float *out = y + r * columns;
        float peak = -INFINITY;
        for (long c = 0; c < columns; c++) if (in[c] > peak) peak = in[c];
        float sum = 0.0f;
        for (long c = 0; c < columns; c++) {
            out[c] = expf(in[c] - peak);
            sum += out[c];
        }
        for (long c = 0; c < columns; c++) out[c] = out[c] / sum;
    }
}
"""
)
AXPY = (
    _HEAD
    + """    const long n = rows * columns;
    for (long i = 0; i < n; i++) y[i] += 1.5f * x[i];
}
"""
)


def _gelu(x: Doubles, y: Doubles) -> Doubles:
    return np.asarray(x * 0.5 * (1 + np.vectorize(math.erf)(x * math.sqrt(0.5))))


def _gelu_tanh(x: Doubles, y: Doubles) -> Doubles:
    return np.asarray(0.5 * x * (1 + np.tanh((x + 0.044715 * x**3) / math.sqrt(math.pi / 2))))


def _layernorm(x: Doubles, y: Doubles) -> Doubles:
    centred = x - x.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5))


def _softmax(x: Doubles, y: Doubles) -> Doubles:
    raised = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _axpy(x: Doubles, y: Doubles) -> Doubles:
    return y + 1.5 * x


@dataclass(frozen=True)
class Kernel:
    name: str
    source: str
    oracle: Callable[[Doubles, Doubles], Doubles]


KERNELS = {
    kernel.name: kernel
    for kernel in (
        Kernel("gelu", GELU, _gelu),
        Kernel("gelu_tanh", GELU_TANH, _gelu_tanh),
        Kernel("gelu_strips", GELU_STRIPS, _gelu),
        Kernel("layernorm", LAYERNORM, _layernorm),
        Kernel("row_softmax", ROW_SOFTMAX, _softmax),
        Kernel("axpy", AXPY, _axpy),
    )
}
SHAPES = ((1, 1), (3, 17), (2, 513), (1, 4099))


class Bench:
    """Compiles a kernel and answers its largest error over several shapes, relative to the output's scale."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self, source: str, extra: Sequence[str] = ()) -> ctypes.CDLL:
        words = re.search(r"nf-flags:([^\n*]*)", source)
        chosen = [FLAGS[word] for word in words.group(1).split()] if words else []
        flags = ["-std=gnu11", "-O3", "-march=native", "-fPIC", "-fopenmp-simd", "-fno-math-errno", *chosen, *extra]
        stem = self._folder / hashlib.sha256(f"{source}{flags}".encode()).hexdigest()[:16]
        path, made, library = (stem.with_suffix(suffix) for suffix in (".c", ".o", ".so"))
        if not library.exists():
            path.write_text(source)
            done = subprocess.run(
                ["gcc", *flags, "-c", str(path), "-o", str(made)], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{done.stderr}\n{source}"
            link = ["gcc", "-shared", "-nostartfiles", "-o", str(library), str(made), "-lmvec", "-lm"]
            subprocess.run(link, check=True, capture_output=True)
        return ctypes.CDLL(str(library))

    def error(self, kernel: Kernel, source: str) -> float:
        function = self.build(source).kernel
        function.restype = None
        return max(self._error_at(kernel, function, shape) for shape in SHAPES)

    def _error_at(self, kernel: Kernel, function: Callable[..., None], shape: tuple[int, int]) -> float:
        rng = np.random.default_rng(shape)
        x = (rng.standard_normal(shape) * 3).astype(np.float32)
        start = rng.standard_normal(shape).astype(np.float32)
        # A guard element before and after, and an odd offset: streaming stores must cope with any alignment.
        room = np.full(x.size + 2, np.float32(-77.0))
        room[1:-1] = start.ravel()
        where = ctypes.c_void_p(room.ctypes.data + 4)
        function(ctypes.c_void_p(x.ctypes.data), where, ctypes.c_long(shape[0]), ctypes.c_long(shape[1]))
        assert room[0] == room[-1] == np.float32(-77.0), "wrote outside its output"
        wanted = kernel.oracle(x.astype(np.float64), start.astype(np.float64))
        found = room[1:-1].reshape(shape).astype(np.float64)
        scale = max(float(np.abs(wanted).max()), 1e-30)
        return float(np.abs(found - wanted).max()) / scale if np.isfinite(found).all() else math.inf


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(scope="session")
def kernels() -> dict[str, Kernel]:
    return dict(KERNELS)


@pytest.fixture
def propose() -> Callable[..., Sequence[Draft]]:
    def _propose(operator: Operator, source: str, *partners: str) -> Sequence[Draft]:
        others = tuple(Program(ordinal=k, source=text, score=1.0) for k, text in enumerate(partners, 1))
        parent = Program(ordinal=0, source=source, score=1.0)
        return operator.propose(OperatorContext(language="c", parent=parent, partners=others, history=others, seed=7))

    return _propose
