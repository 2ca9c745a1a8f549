"""The error bounds that the polynomials state, checked over float32 inputs: every one (slow), or every 97th."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import pytest

from tools.rewrites.polynomial import REPLACEMENTS
from tools.rewrites.syntax import asset

if TYPE_CHECKING:

    class BenchLike(Protocol):
        def build(self, source: str, extra: Sequence[str] = ()) -> ctypes.CDLL: ...


# The reference is the C library's double function; only positive bit patterns and their negatives are walked.
CHECK = """
#include <math.h>
#include <string.h>
__attribute__((noinline)) static void apply(const float *in, float *out, int n) {
    for (int i = 0; i < n; i++) out[i] = POLYNOMIAL(in[i]);
}
double worst(unsigned first, unsigned last, unsigned stride, int relative, float *where) {
    float in[1024], out[1024];
    double found = 0;
    for (unsigned long base = first; base <= last; base += 1024ul * stride) {
        for (int i = 0; i < 1024; i++) {
            const unsigned long wide = base + (unsigned long)i * stride;
            const unsigned bits = wide > last ? last : (unsigned)wide;
            memcpy(&in[i], &bits, sizeof bits);
        }
        apply(in, out, 1024);
        for (int i = 0; i < 1024; i++) {
            const double wanted = REFERENCE((double)in[i]);
            double error = fabs((double)out[i] - wanted);
            if (relative && wanted != 0) error /= fabs(wanted);
            if (error > found) {
                found = error;
                *where = in[i];
            }
        }
    }
    return found;
}
"""
BUILDS = {
    "fast": ("-ffast-math",),
    "strict": (),
    "fast, no fma": ("-ffast-math", "-mno-fma", "-mno-avx512f", "-mno-avx2", "-mno-fma4"),
    "strict, no fma": ("-mno-fma", "-mno-avx512f", "-mno-avx2", "-mno-fma4"),
}
# name: (reference, largest magnitude below zero, above zero, relative, bound)
BOUNDS = {
    "expf": ("exp", 87.3365, 88.7228, True, 2.4e-7),
    "tanhf": ("tanh", 3.4e38, 3.4e38, True, 6e-7),
    "erff": ("erf", 3.4e38, 3.4e38, False, 5e-7),
}


def _bits(value: float) -> int:
    return int.from_bytes(bytes(ctypes.c_float(value)), "little")


def _worst(bench: BenchLike, name: str, build: str, stride: int) -> float:
    replacement = REPLACEMENTS[name]
    text = "\n".join(asset(f"polynomials/{path}.h") for path in replacement.paths)
    reference, below, above, relative, _ = BOUNDS[name]
    check = CHECK.replace("POLYNOMIAL", replacement.name).replace("REFERENCE", reference)
    library = bench.build(text + check, BUILDS[build])
    library.worst.restype = ctypes.c_double
    where = ctypes.c_float()
    found = 0.0
    for first, last in ((0, _bits(above)), (_bits(-0.0), _bits(-below))):
        arguments = (ctypes.c_uint(first), ctypes.c_uint(last), ctypes.c_uint(stride), ctypes.c_int(relative))
        found = max(found, float(library.worst(*arguments, ctypes.byref(where))))
    return found


@pytest.mark.parametrize("build", list(BUILDS))
@pytest.mark.parametrize("name", list(BOUNDS))
def test_error_bound_on_a_dense_sample(name: str, build: str, bench: BenchLike) -> None:
    assert _worst(bench, name, build, stride=997) <= BOUNDS[name][-1]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("build", list(BUILDS))
@pytest.mark.parametrize("name", list(BOUNDS))
def test_error_bound_on_every_float(name: str, build: str, bench: BenchLike) -> None:
    assert _worst(bench, name, build, stride=1) <= BOUNDS[name][-1]


def test_every_polynomial_has_a_bound_and_says_it() -> None:
    assert set(REPLACEMENTS) == set(BOUNDS)
    for name, replacement in REPLACEMENTS.items():
        stated = f"{BOUNDS[name][-1]:.1e}".replace("e-0", "e-").replace(".0e", "e")
        assert stated in replacement.bound
        assert stated in asset(f"polynomials/{name}.h")


@pytest.mark.parametrize("build", ["strict", "strict, no fma"])
def test_expf_saturates_and_passes_nan(bench: BenchLike, build: str) -> None:
    call = "float at(float v) { return nf_expf(v); }\n"
    at = bench.build(asset("polynomials/expf.h") + call, BUILDS[build]).at
    at.restype = ctypes.c_float
    assert at(ctypes.c_float(0.0)) == 1.0
    assert 0 <= at(ctypes.c_float(-1e30)) <= 2**-125
    assert 0 <= at(ctypes.c_float(-math.inf)) <= 2**-125
    assert at(ctypes.c_float(1e30)) > 3.3e38
    if build == "strict":
        assert math.isnan(at(ctypes.c_float(math.nan)))
