"""Blocks move between programs with what they need, or stay where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from nightforge.domain.team import Draft, Operator, OperatorContext, Program
from tools.crossover import Crossover
from tools.rewrites.polynomial import Polynomial
from tools.rewrites.stream_store import StreamStore

if TYPE_CHECKING:

    class KernelLike(Protocol):
        name: str
        source: str

    class BenchLike(Protocol):
        def error(self, kernel: KernelLike, source: str) -> float: ...


Propose = Callable[..., Sequence[Draft]]


def _changed(operator: Operator, source: str, index: int = 0) -> str:
    context = OperatorContext(language="c", parent=Program(ordinal=0, source=source), seed=0)
    return operator.propose(context)[index].source


def test_loop_moves_with_its_macros_and_helpers(
    kernels: dict[str, KernelLike], bench: BenchLike, propose: Propose
) -> None:
    kernel = kernels["axpy"]
    parent = kernel.source.replace("const long n = rows * columns;", "const long n = columns * rows;")
    partner = _changed(StreamStore(), kernel.source)
    moved = [draft for draft in propose(Crossover(), parent, partner) if "loop that makes y" in draft.note]
    assert len(moved) == 1
    assert "columns * rows" in moved[0].source
    assert "static inline void nf_stream(" in moved[0].source
    assert bench.error(kernel, moved[0].source) < 2e-6


def test_function_brings_the_helper_it_calls(
    kernels: dict[str, KernelLike], bench: BenchLike, propose: Propose
) -> None:
    kernel = kernels["gelu_tanh"]
    partner = _changed(Polynomial(), kernel.source)
    parent = "// nf-flags: fast-math\n" + kernel.source
    (draft,) = [d for d in propose(Crossover(), parent, partner) if d.note.startswith("function")]
    assert draft.source.startswith("// nf-flags: fast-math\n")
    assert draft.source.index("nf_expf(float") < draft.source.index("nf_tanhf(float")
    assert bench.error(kernel, draft.source) < 2e-6


def test_helpers_that_differ_under_one_name_stay_apart(propose: Propose) -> None:
    body = "void kernel(float *y, long n) { for (long i = 0; i < n; i++) y[i] = half(y[i])%s; }\n"
    ours = "static float half(float v) { return v / 2; }\n" + body % ""
    theirs = "static float half(float v) { return v * 0.5f; }\n" + body % " + 1"
    assert not [d for d in propose(Crossover(), ours, theirs) if "kernel" in d.note or "loop" in d.note]


def test_loop_that_needs_an_unknown_local_stays_away(propose: Propose) -> None:
    ours = "void kernel(float *y, long n) { for (long i = 0; i < n; i++) y[i] = 1; n = 2; }\n"
    theirs = "void kernel(float *y, long n) { float k = 2; for (long i = 0; i < n; i++) y[i] = k; n = 2; }\n"
    assert not [d for d in propose(Crossover(), ours, theirs) if "loop" in d.note]


def test_marked_blocks_of_any_language_are_exchanged_one_by_one() -> None:
    text = "# EVOLVE-BLOCK-START\n{}\n# EVOLVE-BLOCK-END\nkeep\n# EVOLVE-BLOCK-START\n{}\n# EVOLVE-BLOCK-END\n"
    parent, partner = text.format("a = 1", "b = 1"), text.format("a = 2", "b = 2")
    context = OperatorContext(
        language="python",
        parent=Program(ordinal=1, source=parent),
        partners=(Program(ordinal=2, source=partner),),
        seed=0,
    )
    made = [draft.source for draft in Crossover().propose(context)]
    assert made == [text.format("a = 2", "b = 1"), text.format("a = 1", "b = 2")]
