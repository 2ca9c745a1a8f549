"""Small programs with the loops that the operators are for, and a compiler to run what became of them.

All have one signature, so that one harness serves: three float arrays, two of whole numbers, three sizes.
"""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HEAD = "void kernel(float *a, float *b, float *c, const int *start, const int *index, long n, long m, long k) {\n"
STENCIL = "0.25f * ({from}[(r - 1) * m + s] + {from}[(r + 1) * m + s] + {from}[r * m + s - 1] + {from}[r * m + s + 1])"
GUARD = np.float32(-77.0)
Floats = NDArray[np.float32]
Kernel = Callable[..., None]


def _program(body: str, before: str = "") -> str:
    return f"{before}{HEAD}{body}\n}}\n"


def _stencil(source: str, target: str) -> str:
    return f"{target}[r * m + s] = {STENCIL.replace('{from}', source)};"


def _inner(statement: str) -> str:
    return f"for (long r = 1; r < n - 1; r++) for (long s = 1; s < m - 1; s++) {statement}\n"


SWEEPS = {
    "sweeps_swap": _program(
        f"""    float *from = a;
    float *to = b;
    for (long t = 0; t < k; t++) {{
        {_inner(_stencil("from", "to"))}
        float *spare = from;
        from = to;
        to = spare;
    }}
    c[0] = from[0];"""
    ),
    "sweeps_parity": _program(
        f"""    for (long t = 0; t < k; t++) {{
        const float *from = t % 2 == 0 ? a : b;
        float *to = t % 2 == 0 ? b : a;
        {_inner(_stencil("from", "to"))}
    }}"""
    ),
    "sweeps_copy": _program(
        f"""    for (long t = 0; t < k; t++) {{
        {_inner(_stencil("a", "b"))}
        {_inner("a[r * m + s] = b[r * m + s];")}
    }}"""
    ),
    "sweeps_carry": _program(
        f"""    const float *from = a;
    for (long t = 0; t < k; t++) {{
        float *to = (k - t) % 2 ? b : c;
        for (long r = 0; r < n; r++) for (long s = 0; s < m; s++) to[r * m + s] = from[r * m + s];
        {_inner(_stencil("from", "to"))}
        from = to;
    }}"""
    ),
    "sweeps_wide": _program(
        """    for (long t = 0; t < k; t++) {
        float *from = t % 2 == 0 ? a : b;
        float *to = t % 2 == 0 ? b : a;
        for (long r = 2; r < n - 2; r++) {
            const float *row = from + r * m;
            const float *above = from + (r - 2) * m;
            for (long s = 0; s < m; s++) to[r * m + s] = 0.5f * row[s] + 0.25f * (above[s] + row[s + 2 * m]);
        }
    }"""
    ),
    "sweeps_in_place": _program(f"    for (long t = 0; t < k; t++) {{\n        {_inner(_stencil('a', 'a'))}\n    }}"),
}
PRODUCT = "c[i * m + j] += a[i * k + p] * b[p * m + j];"
_LOOPS = {
    "i": "for (long i = 0; i < n; i++)",
    "j": "for (long j = 0; j < m; j++)",
    "p": "for (long p = 0; p < k; p++)",
}
PRODUCTS = {
    f"product_{order}": _program("    " + " ".join(_LOOPS[one] for one in order) + f" {PRODUCT}")
    for order in ("ijp", "ipj", "pij", "jpi")
} | {
    "product_sum": _program(
        f"""    {_LOOPS["i"]} {{
        {_LOOPS["j"]} {{
            float sum = 0.0f;
            {_LOOPS["p"]} sum += a[i * k + p] * b[j * k + p];
            c[i * m + j] = sum;
        }}
    }}"""
    ),
    "product_zero": _program(
        f"""    {_LOOPS["i"]} {{
        {_LOOPS["j"]} {{
            c[i * m + j] = 0;
            {_LOOPS["p"]} {{ c[i * m + j] = c[i * m + j] + a[p * n + i] * b[p * m + j]; }}
        }}
    }}"""
    ),
    "batch": _program(
        """    for (long g = 0; g < n; g++) {
        const float *left = a + g * m * k;
        const float *right = b + g * k * m;
        float *out = c + g * m * m;
        for (long i = 0; i < m; i++) {
            for (long j = 0; j < m; j++) {
                float sum = 0.0f;
                for (long p = 0; p < k; p++) sum += left[i * k + p] * right[p * m + j];
                out[i * m + j] = sum;
            }
        }
    }"""
    ),
}
ROWS = {
    "sparse": _program(
        """    for (long i = 0; i < n; i++) {
        float sum = 0.0f;
        for (long p = start[i]; p < start[i + 1]; p++) sum += a[p] * b[index[p]];
        c[i] = sum;
    }"""
    ),
    "rows": _program(
        """    for (long i = 0; i < n; i++) {
        const float *x = a + i * m;
        float *y = c + i * m;
        float mean = average(x, m);
        for (long j = 0; j < m; j++) y[j] = x[j] - mean;
    }
    for (long i = 0; i < n; i++) {
        float *y = c + i * m;
        float sum = 0.0f;
        for (long j = 0; j < m; j++) sum += y[j] * y[j];
        float scale = 1.0f / (1.0f + sum);
        for (long j = 0; j < m; j++) y[j] = y[j] * scale + b[j];
    }""",
        "static float average(const float *x, long count) {\n    float sum = 0.0f;\n"
        "    for (long j = 0; j < count; j++) sum += x[j];\n    return sum / (float)count;\n}\n",
    ),
    "transposed": _program(
        "    for (long i = 0; i < n; i++) for (long j = 0; j < m; j++) c[j * n + i] = a[i * m + j];"
    ),
    "vector": _program(
        """    for (long i = 0; i < n; i++) {
        float sum = 0.0f;
        for (long j = 0; j < m; j++) sum += a[i * m + j] * b[j];
        c[i] = sum;
    }"""
    ),
    "scaled": _program(
        "    const float two = 2.0f;\n"
        "    for (long i = 0; i < n * m; i++) { const float v = a[i] * two; c[i] = v + b[i]; }"
    ),
}
PROGRAMS = {**SWEEPS, **PRODUCTS, **ROWS}
SHAPES = ((1, 1, 1), (4, 3, 2), (7, 19, 5), (20, 9, 6), (18, 35, 17))


@dataclass(frozen=True)
class Question:
    floats: tuple[Floats, Floats, Floats]
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    sizes: tuple[int, int, int]


def question(sizes: tuple[int, int, int], seed: int) -> Question:
    """Arrays large enough for every program, with rows of 0 to 12 entries for sparse ones."""
    random = np.random.default_rng(seed)
    n, m, k = sizes
    room = max(n * m * k, n * m, n * m * m, m * k, n * k, 13 * n) + 4 * m + 8
    counts = random.integers(0, 13, n)
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    index = random.integers(0, room, 13 * n + 1).astype(np.int32)
    first, second, third = (random.standard_normal(room).astype(np.float32) for _ in range(3))
    return Question((first, second, third), start, index, sizes)


class Workbench:
    """Compiles programs and answers what they leave in the three arrays."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, source: str, asked: Sequence[Question], flags: Sequence[str] = ()) -> list[tuple[Floats, ...]]:
        function = self._build(source, flags)
        return [self._call(function, one) for one in asked]

    def _build(self, source: str, flags: Sequence[str]) -> Kernel:
        words = ["gcc", "-std=gnu11", "-O1", "-march=native", "-fopenmp-simd", "-fPIC", "-shared", *flags]
        stem = self._folder / hashlib.sha256(f"{source}{words}".encode()).hexdigest()[:16]
        library = stem.with_suffix(".so")
        if not library.exists():
            stem.with_suffix(".c").write_text(source)
            done = subprocess.run(
                [*words, str(stem.with_suffix(".c")), "-o", str(library), "-lm"],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{done.stderr}\n{source}"
        function = ctypes.CDLL(str(library)).kernel
        function.restype = None
        return function

    @staticmethod
    def _call(function: Kernel, asked: Question) -> tuple[Floats, ...]:
        rooms = [np.concatenate((np.full(5, GUARD), one, np.full(5, GUARD))).astype(np.float32) for one in asked.floats]
        pointers = [ctypes.c_void_p(room.ctypes.data + 20) for room in rooms]
        wholes = [ctypes.c_void_p(one.ctypes.data) for one in (asked.start, asked.index)]
        function(*pointers, *wholes, *(ctypes.c_long(size) for size in asked.sizes))
        for room in rooms:
            assert (room[:5] == GUARD).all(), "wrote before an array"
            assert (room[-5:] == GUARD).all(), "wrote behind an array"
        return tuple(room[5:-5] for room in rooms)


def same(found: Sequence[tuple[Floats, ...]], wanted: Sequence[tuple[Floats, ...]], *, exact: bool) -> bool:
    """Equal to the bit, or as near as another order of additions leaves them."""
    for mine, theirs in zip(found, wanted, strict=True):
        for one, two in zip(mine, theirs, strict=True):
            if exact and not np.array_equal(one, two):
                return False
            if not np.allclose(one, two, rtol=2e-5, atol=2e-5):
                return False
    return True
