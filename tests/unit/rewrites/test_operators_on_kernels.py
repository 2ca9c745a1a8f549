"""Each registered operator makes correct variants of kernels that no task ships."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pytest

from agents.offline.coder import is_structural, load_operators
from nightforge.domain.team import Draft, Operator

if TYPE_CHECKING:

    class KernelLike(Protocol):
        name: str
        source: str

    class BenchLike(Protocol):
        def build(self, source: str) -> ctypes.CDLL: ...
        def error(self, kernel: KernelLike, source: str) -> float: ...


OPERATORS = {
    operator.name: operator for operator in load_operators() if not operator.languages or "c" in operator.languages
}
UNSHIPPED = ("gelu", "gelu_tanh", "gelu_strips", "layernorm")
MATCHES = {
    "rewrite.align": set(UNSHIPPED),
    "crossover.blocks": {"gelu"},
    "rewrite.constants": {"gelu_strips"},
    "rewrite.fission": {"gelu_strips", "layernorm"},
    "rewrite.flags": set(UNSHIPPED),
    "rewrite.flatten": {"gelu_strips"},
    "rewrite.fusion": {"gelu_tanh"},
    "rewrite.interchange": {"gelu"},
    "rewrite.parallel_for": {"gelu", "gelu_tanh", "layernorm"},
    "rewrite.polynomial": {"gelu", "gelu_tanh", "gelu_strips"},
    "rewrite.prefetch": {"gelu_strips"},
    "rewrite.reciprocal": {"gelu_tanh", "layernorm"},
    "rewrite.recompute": {"gelu_tanh", "gelu_strips", "layernorm"},
    "rewrite.restrict": set(UNSHIPPED),
    "rewrite.split_accumulators": {"layernorm"},
    "rewrite.stream_store": {"gelu", "gelu_tanh"},
    "rewrite.tile": {"gelu"},
    "rewrite.tile_rescale": {"layernorm"},
    "rewrite.unroll": set(UNSHIPPED),
    "rewrite.unroll_jam": {"gelu"},
    "rewrite.vector_stream": {"gelu_tanh"},
    "rewrite.vector_sum": {"layernorm"},
    "rewrite.vector_pragmas": set(UNSHIPPED),
    "tune.optuna": {"gelu_strips"},
    "tune.tpe": {"gelu_strips"},
}
"""Operator → the kernels that its pattern occurs in. The test below finds drafts there and nowhere else."""
ELSEWHERE = {
    "rewrite.batch_lanes",
    "rewrite.inline",
    "rewrite.register_block",
    "rewrite.row_group",
    "rewrite.time_tile",
}
"""Operators whose loops none of these kernels has: `test_loop_operators` has programs for them."""
TOLERANCE = 2e-6


def _prepared(operator: Operator, source: str) -> tuple[str, tuple[str, ...]]:
    """The parent, and the partners of operators that combine programs."""
    if operator.name in {"tune.optuna", "tune.tpe"}:
        return source.replace("#define STRIP", "// nf: tune STRIP in {16, 64, 256}\n#define STRIP"), ()
    if operator.name == "crossover.blocks":
        helper = "static float half(float v) { return v / 2; }\n"
        partner = source.replace("void kernel", helper + "void kernel").replace(
            "0.5f * x[r * columns + c]", "half(x[r * columns + c])"
        )
        return source, (partner,)
    return source, ()


def test_every_operator_has_its_kernels_here() -> None:
    assert set(OPERATORS) == set(MATCHES) | ELSEWHERE
    assert all(MATCHES.values())


@pytest.mark.parametrize("name", sorted({*MATCHES, *ELSEWHERE}))
@pytest.mark.parametrize("kernel", UNSHIPPED)
def test_drafts_are_correct_and_only_where_the_pattern_is(
    name: str,
    kernel: str,
    kernels: dict[str, KernelLike],
    bench: BenchLike,
    propose: Callable[..., Sequence[Draft]],
) -> None:
    operator = OPERATORS[name]
    source, partners = _prepared(operator, kernels[kernel].source)
    drafts = propose(operator, source, *partners)
    if kernel not in MATCHES.get(name, ()):
        assert not drafts
        return
    assert drafts
    for draft in drafts[:3]:
        assert draft.source != source
        assert draft.operator is operator.kind
        assert draft.operator_name == name
        assert draft.note
        assert bench.error(kernels[kernel], draft.source) < TOLERANCE


@pytest.mark.parametrize("kernel", ["row_softmax", "axpy"])
def test_all_drafts_on_other_kernels_are_correct(
    kernel: str, kernels: dict[str, KernelLike], bench: BenchLike, propose: Callable[..., Sequence[Draft]]
) -> None:
    made = [draft for operator in OPERATORS.values() for draft in propose(operator, kernels[kernel].source)[:4]]
    assert len(made) > 10
    for draft in made:
        assert bench.error(kernels[kernel], draft.source) < TOLERANCE, draft.note


@pytest.mark.parametrize("kernel", [*UNSHIPPED, "row_softmax", "axpy"])
def test_proposals_are_pure(
    kernel: str, kernels: dict[str, KernelLike], propose: Callable[..., Sequence[Draft]]
) -> None:
    for operator in OPERATORS.values():
        source, partners = _prepared(operator, kernels[kernel].source)
        assert propose(operator, source, *partners) == propose(operator, source, *partners)


def test_source_with_a_syntax_error_gets_no_rewrite(propose: Callable[..., Sequence[Draft]]) -> None:
    for operator in OPERATORS.values():
        assert not propose(operator, "void kernel(float *y { y[0] = ; }")


@pytest.mark.parametrize("kernel", [*UNSHIPPED, "row_softmax", "axpy"])
@pytest.mark.parametrize("flags", ["fast-math vec512", "vec256 unroll"])
def test_all_structural_rewrites_together_are_correct(
    kernel: str,
    flags: str,
    kernels: dict[str, KernelLike],
    bench: BenchLike,
    propose: Callable[..., Sequence[Draft]],
) -> None:
    source = f"// nf-flags: {flags}\n{kernels[kernel].source}"
    for _ in range(2):
        for operator in OPERATORS.values():
            made = propose(operator, source) if is_structural(operator) else ()
            source = made[0].source if made else source
    assert bench.error(kernels[kernel], source) < TOLERANCE


def test_the_running_scale_does_not_drift_on_rising_data(
    bench: BenchLike, propose: Callable[..., Sequence[Draft]], kernels: Mapping[str, KernelLike]
) -> None:
    """Each tile raises the maximum there: the factors multiply, and a float's error in each would add up."""
    source = kernels["row_softmax"].source
    tiled = propose(OPERATORS["rewrite.tile_rescale"], source)[0]
    precise = propose(OPERATORS["rewrite.polynomial"], tiled.source)[0].source
    assert "__builtin_exp((double)" in precise
    coarse = re.sub(r"__builtin_exp\(\(double\)(\w+) - \(double\)(\w+)\)", r"nf_expf(\1 - \2)", precise)
    assert coarse != precise
    n = 1 << 24
    x = np.linspace(-20.0, 20.0, n, dtype=np.float32)
    exact = np.exp(x.astype(np.float64) - float(x.max()))
    exact /= exact.sum()

    def drift(program: str) -> float:
        y = np.empty_like(x)
        function = bench.build(program).kernel
        function.restype = None
        pointers = (ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data))
        function(*pointers, ctypes.c_long(1), ctypes.c_long(n))
        return float(np.abs(y - exact).max() / exact.max())

    assert drift(precise) < 5e-6
    assert drift(coarse) > 2 * drift(precise), "the test must see what it is about"
