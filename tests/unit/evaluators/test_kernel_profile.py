"""Profiles of real kernels through the real tools, in a real box."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from evaluators.kernels.profile import Profiler
from evaluators.kernels.profile_runs import counted_shape, fetched_bytes, peak_rate, simulated_cache
from evaluators.kernels.spec import load_problem, primary_dims, read_settings
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.ports import Sandbox, SandboxSession
from nightforge.domain.profile import Bottleneck, KernelProfile
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome, SandboxTier
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
needs_mca = pytest.mark.skipif(shutil.which("llvm-mca") is None, reason="llvm-mca is not installed")
needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
EXAMPLE = Path(__file__).parents[3] / "examples" / "two-pass-softmax" / "softmax_two_pass.c"
GATHERING = """\
// nf-flags: fast-math vec512
#include <stdint.h>
typedef struct { const float *x; float *y; int64_t n; } nf_args;
int nf_kernel(const nf_args *a) {
    const float *restrict x = a->x;
    float *restrict y = a->y;
    int64_t n = a->n;
    for (int64_t i = 0; i < n; i++) y[i] = x[(i * 7919) & 1023] * 2.0f;
    return 0;
}
"""
Shipped = Callable[[str], Task]


def timed(cpu_ms: float, roof_pct: float) -> Evidence:
    metrics = {"cpu_ms": cpu_ms, "roof_pct": roof_pct, "page_faults": 0.0}
    return Evidence(
        tier=SandboxTier.BUBBLEWRAP,
        stages=(
            StageEvidence(
                stage="full",
                outcome=Outcome.PASS,
                metrics={name: Metric(value=value) for name, value in metrics.items()},
            ),
        ),
    )


async def profiled(task: Task, source: str, evidence: Evidence, box: Sandbox | None = None) -> KernelProfile:
    settings = read_settings(task)
    inputs, _ = load_problem(task)
    dims = primary_dims(settings, task, {})
    return await Profiler(box or open_sandbox()).profile(source, settings, inputs, dims, evidence, None)


@needs_valgrind
async def test_three_passes_fetch_twice_the_least(shipped: Shipped) -> None:
    """x for the maximum, x and y for the exponentials, y for the scale: four lines where two are needed."""
    task = shipped("softmax-long")
    found = await profiled(task, task.read("c_fast.c"), timed(9.0, 32.0))
    assert found.cache is not None
    assert found.cache.traffic_ratio.value == pytest.approx(2.0, abs=0.1)
    assert found.signs[0].bottleneck is Bottleneck.MEMORY_BOUND
    assert all(remark.line > 0 for remark in found.loops)
    assert any(remark.vectorised for remark in found.loops)
    again = await profiled(task, task.read("c_fast.c"), timed(9.0, 32.0))
    assert (again.cache, again.hot_loop) == (found.cache, found.hot_loop), "counts repeat to the digit"


@needs_mca
async def test_an_ordered_sum_is_a_chain(shipped: Shipped) -> None:
    """Without fast-math a sum keeps its order: each addition waits for the one before it."""
    task = shipped("rmsnorm")
    found = await profiled(task, task.read("c_o3.c"), timed(11.0, 25.0))
    loop = found.hot_loop
    assert loop is not None
    assert loop.cycles is not None
    assert loop.least_cycles is not None
    assert loop.cycles.value > 2 * loop.least_cycles.value
    assert Bottleneck.LATENCY_BOUND in [sign.bottleneck for sign in found.signs]
    assert "latency" not in found.missing


async def test_scattered_loads_are_seen(shipped: Shipped) -> None:
    found = await profiled(shipped("softmax-long"), GATHERING, timed(40.0, 8.0))
    loop = found.hot_loop
    assert loop is not None
    if loop.vector_bits:
        assert loop.gathers >= 1
        assert found.signs[0].bottleneck is Bottleneck.GATHER


async def test_what_cachegrind_cannot_run_is_named(shipped: Shipped) -> None:
    found = await profiled(shipped("softmax-long"), EXAMPLE.read_text(encoding="utf-8"), timed(5.6, 51.0))
    assert found.cache is None
    assert "AVX-512" in found.missing["cachegrind"]
    assert found.hot_loop is not None


class Without:
    """A box in which one tool is not installed."""

    def __init__(self, box: Sandbox, tool: str) -> None:
        self._box, self._tool = box, tool

    @property
    def tier(self) -> SandboxTier:
        return self._box.tier

    async def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes | Path] | None = None,
        stdin: bytes = b"",
        limits: Limits,
        outputs: Sequence[str] = (),
        network: bool = False,
    ) -> ExecResult:
        hidden = [word.replace(f"command -v {self._tool}", "command -v not-there") for word in argv]
        return await self._box.run(hidden, files=files, stdin=stdin, limits=limits, outputs=outputs, network=network)

    def start(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes | Path] | None = None,
        descriptors: Sequence[int] = (),
        limits: Limits,
        cpus: Sequence[int] = (),
    ) -> AbstractContextManager[SandboxSession]:
        return self._box.start(argv, files=files, descriptors=descriptors, limits=limits, cpus=cpus)


@pytest.mark.parametrize(("tool", "part"), [("valgrind", "cachegrind"), ("llvm-mca", "llvm-mca")])
async def test_a_missing_tool_is_named_and_the_rest_is_there(shipped: Shipped, tool: str, part: str) -> None:
    task = shipped("rmsnorm")
    found = await profiled(task, task.read("c_o3.c"), timed(11.0, 25.0), Without(open_sandbox(), tool))
    assert "not installed" in found.missing[part]
    assert "apt-get install" in found.missing[part]
    assert found.roofline is not None
    assert found.hot_loop is not None
    assert found.signs


async def test_the_core_computes_at_a_plausible_rate() -> None:
    rate = await peak_rate(open_sandbox())
    assert rate.unit == "GFLOP/s"
    assert 1.0 < rate.value < 2000.0


def test_the_counted_shape_keeps_rows_as_they_are(shipped: Shipped) -> None:
    task = shipped("rmsnorm")
    settings = read_settings(task)
    primary = primary_dims(settings, task, {})
    shape = counted_shape(settings, primary)
    assert shape["cols"] == primary["cols"]
    assert shape["rows"] < primary["rows"]
    assert settings.traffic_bytes(shape) <= 8 * 2**20
    assert fetched_bytes(settings, shape) <= settings.traffic_bytes(shape)


def test_the_simulated_cache_shrinks_with_the_data() -> None:
    whole, half = simulated_cache(2**27, 2**27), simulated_cache(2**26, 2**27)
    assert whole >= half >= 64 * 1024
    assert simulated_cache(1, 2**27) == 64 * 1024
    assert whole & (whole - 1) == 0
