"""What tools print, and what is made of their figures."""

from __future__ import annotations

import pytest

from evaluators.kernels.profile import roofline_of
from evaluators.kernels.profile_assembly import hottest, innermost_loops, mix_of
from evaluators.kernels.profile_signs import Facts, read_signs
from evaluators.kernels.profile_tools import mca_models, read_cachegrind, read_schedule, vectorisation
from evaluators.kernels.spec import KernelSettings
from nightforge.domain.evidence import Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.profile import Bottleneck, CacheCounts, HotLoop, LoopRemark, Roofline
from nightforge.domain.words import Outcome, SandboxTier

ASSEMBLY = """\
	.file	"kernel.c"
nf_kernel:
	.file 1 "kernel.c"
	.file 2 "/usr/lib/gcc/include/avx512fintrin.h"
	.loc 1 10 5
	xorl	%eax, %eax
.L2:
	.loc 1 11 5
	xorl	%edx, %edx
.L3:
	.loc 1 12 9
	vmovups	(%rdi,%rdx), %zmm1
	vfmadd231ps	64(%rdi,%rdx), %zmm1, %zmm0
	vmovntps	%zmm1, (%rsi,%rdx)
	vmovups	%zmm1, 64(%rsi,%rdx){%k1}
	vgatherdps	(%rdi,%zmm4,4), %zmm5{%k2}
	vdivss	%xmm2, %xmm3, %xmm3
	call	expf@PLT
	addq	$64, %rdx
	cmpq	%rdx, %rcx
	jne	.L3
	addl	$1, %eax
	jne	.L2
.L5:
	.loc 1 20 5
	vaddss	(%rdi), %xmm0, %xmm0
	.loc 2 99 5
	vmulss	%xmm0, %xmm0, %xmm0
	jne	.L5
	ret
"""


def test_only_innermost_loops_are_loops_here() -> None:
    first, second = innermost_loops(ASSEMBLY)
    assert (first.line("kernel.c"), second.line("kernel.c")) == (12, 20)
    assert first.text.startswith(".L3:\n\tvmovups")
    mix = mix_of(first)
    assert (mix.vector_bits, mix.packed, mix.scalar, mix.divisions, mix.gathers) == (512, 1, 1, 1, 1)
    assert (mix.loads, mix.stores, mix.streaming, mix.calls) == (3, 2, 1, ["expf"])


def test_the_hot_loop_is_where_instructions_are_spent() -> None:
    first, second = loops = innermost_loops(ASSEMBLY)
    assert hottest(loops, {("kernel.c", 20): 5, ("avxintrin.h", 99): 7}) is second
    assert hottest(loops, {("kernel.c", 12): 50, ("kernel.c", 20): 5}) is first
    assert hottest(loops, {}) is first, "without counts the one that computes most"
    assert hottest((), {}) is None


def test_gccs_remarks_are_read_by_loop() -> None:
    text = (
        "kernel.c:39:27: optimized: loop vectorized using 32 byte vectors\n"
        "kernel.c:39:27: optimized: loop vectorized using 64 byte vectors\n"
        "kernel.c:27:35: missed: couldn't vectorize loop\n"
        "/job/kernel.c:28:9: missed: not vectorized: control flow in loop.\n"
        "kernel.c:28:9: missed: statement clobbers memory: foo();\n"
        "kernel.c:50:1: missed: couldn't vectorize loop\n"
    )
    assert vectorisation(text) == (
        LoopRemark(line=27, vectorised=False, reason="control flow in loop"),
        LoopRemark(line=39, vectorised=True, vector_bytes=64),
        LoopRemark(line=50, vectorised=False, reason="gcc gives no reason"),
    )


def test_a_schedule_is_read_per_iteration() -> None:
    text = (
        "model znver3\nIterations:        100\nInstructions:      600\nTotal Cycles:      411\nIPC:   1.46\n"
        "Block RThroughput: 1.3\n  Resource Pressure       [ 0.24% ]\n  - Register Dependencies [ 37.47% ]\n"
    )
    found = read_schedule(text)
    assert found is not None
    assert (found.model, found.cycles.value, found.least_cycles.value) == ("znver3", 4.11, 1.3)
    assert (found.dependence.value, found.pressure.value) == (37.47, 0.24)
    assert read_schedule("model znver3\nerror: unsupported\n") is None


def test_models_that_lack_avx512_are_not_asked_for_it() -> None:
    assert "znver3" not in mca_models("AuthenticAMD", wide=True)
    assert "znver3" in mca_models("AuthenticAMD", wide=False)
    assert mca_models("GenuineIntel", wide=True)[-1] == "skylake-avx512"


def test_one_call_is_the_difference_of_two_runs() -> None:
    def run(calls: int) -> str:
        spent = f"fl=/job/kernel.c\nfn=k\n12 {100 * calls} 5 1\n"
        return f"events: Ir Dr DLmr\n{spent}summary: {1000 + 100 * calls} 7 {calls}\n"

    once, twice = read_cachegrind(run(1)), read_cachegrind(run(2))
    assert once is not None
    assert twice is not None
    call = twice.less(once)
    assert call.total("Ir") == 100
    assert call.total("DLmr") == 1
    assert call.spent == {("kernel.c", 12): 100}
    assert read_cachegrind("events: Ir\nfl=x\n12 5\n") is None, "a run that was cut off"


def facts(
    *,
    bound: str = "memory",
    share: float = 40.0,
    loop: HotLoop | None = None,
    ratio: float | None = None,
    faults: float = 0.0,
    beyond: bool = True,
    loops: tuple[LoopRemark, ...] = (),
) -> Facts:
    roofline = Roofline.model_validate({"bound": bound, "share": Metric(value=share, unit="%")})
    one = Metric(value=1.0)
    cache = None
    if ratio is not None:
        cache = CacheCounts(
            shape={"n": 1},
            instructions=one,
            data_references=one,
            first_level_misses=one,
            last_level_misses=one,
            last_level_bytes=65536,
            traffic_ratio=Metric(value=ratio, unit="x"),
        )
    return Facts(roofline, loop, loops, cache, faults, beyond)


def loop(**fields: object) -> HotLoop:
    return HotLoop.model_validate({"line": 7, "instructions": 9, "vector_bits": 512, "packed_operations": 4, **fields})


def cycles(value: float, least: float, waits: float) -> dict[str, object]:
    return {
        "model": "znver3",
        "cycles": Metric(value=value),
        "least_cycles": Metric(value=least),
        "dependence": Metric(value=waits),
    }


@pytest.mark.parametrize(
    ("seen", "first"),
    [
        (facts(faults=4000.0, ratio=2.0), Bottleneck.PAGE_FAULTS),
        (facts(share=93.0), Bottleneck.NEAR_ROOF),
        (facts(share=35.0, ratio=2.0, loop=loop(stores=1)), Bottleneck.MEMORY_BOUND),
        (facts(share=70.0, ratio=1.0, loop=loop(stores=1)), Bottleneck.STORE_TRAFFIC),
        (facts(share=70.0, ratio=1.0, loop=loop(stores=1, streaming_stores=1)), Bottleneck.MEMORY_BOUND),
        (facts(share=10.0, loop=loop(calls=("expf",))), Bottleneck.SLOW_CALL),
        (facts(share=10.0, loop=loop(calls=("_ZGVeN16v_expf",), divisions=2)), Bottleneck.SLOW_CALL),
        (facts(share=10.0, loop=loop(packed_operations=0, scalar_operations=3)), Bottleneck.NOT_VECTORISED),
        (facts(share=10.0, loop=loop(gathers=1)), Bottleneck.GATHER),
        (facts(share=20.0, ratio=1.0, loop=loop(**cycles(60.0, 10.0, 90.0))), Bottleneck.LATENCY_BOUND),
        (facts(bound="compute", share=30.0, ratio=5.0, loop=loop()), Bottleneck.CACHE_MISSES),
        (facts(bound="compute", share=70.0, ratio=1.0, loop=loop()), Bottleneck.COMPUTE_BOUND),
    ],
)
def test_the_first_sign_is_the_one_that_the_figures_speak_for(seen: Facts, first: Bottleneck) -> None:
    signs = read_signs(seen)
    assert signs[0].bottleneck is first
    assert len({sign.bottleneck for sign in signs}) == len(signs), "each once"
    assert all(any(letter.isdigit() for letter in sign.words) for sign in signs), "each with its figures"


def test_why_gcc_did_not_vectorise_is_quoted() -> None:
    remarks = (
        LoopRemark(line=50, vectorised=False, reason="far away"),
        LoopRemark(line=6, vectorised=False, reason="control flow in loop"),
    )
    seen = facts(share=10.0, loop=loop(packed_operations=0, scalar_operations=3), loops=remarks)
    assert "gcc on line 6: control flow in loop" in read_signs(seen)[0].words


SETTINGS = {
    "arguments": [
        {"name": "x", "kind": "input", "count": ["n"]},
        {"name": "y", "kind": "output", "count": ["n"]},
        {"name": "n", "kind": "int64"},
    ],
    "primary": {"n": 1_000_000},
    "smoke": [{"n": 1}],
    "correctness": [{"n": 2}],
    "distributions": ["normal"],
    "timing": {"distributions": ["normal"]},
    "baselines": [{"name": "c", "title": "C", "source": "c.c"}],
    "reference": "c",
    "roof": "roof.c",
    "work": [{"operations": 100, "each": ["n"]}],
}


def evidence(**metrics: float) -> Evidence:
    stage = StageEvidence(
        stage="full", outcome=Outcome.PASS, metrics={name: Metric(value=value) for name, value in metrics.items()}
    )
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))


def test_the_roof_that_asks_for_more_time_counts() -> None:
    settings = KernelSettings.model_validate(SETTINGS)
    dims = {"n": 1_000_000}
    slow, fast = Metric(value=20.0, unit="GFLOP/s"), Metric(value=2000.0, unit="GFLOP/s")
    # 8 MB in 10 ms: 0.8 GB/s; 100 million operations in 10 ms: 10 GFLOP/s.
    seen = evidence(cpu_ms=10.0, roof_pct=30.0)
    computing = roofline_of(settings, dims, seen, None, slow)
    moving = roofline_of(settings, dims, seen, None, fast)
    assert computing is not None
    assert moving is not None
    assert computing.bound == "compute"
    assert computing.share.value == pytest.approx(50.0)
    assert moving.bound == "memory"
    assert moving.share.value == 30.0
    assert moving.bandwidth is not None
    assert moving.bandwidth.value == pytest.approx(0.8)
    assert moving.intensity is not None
    assert moving.intensity.value == pytest.approx(12.5)


def test_the_measured_roof_stands_beside_it() -> None:
    settings = KernelSettings.model_validate(SETTINGS)
    roof = {"cpu_ms": Metric(value=1.0, unit="ms"), "bandwidth": Metric(value=8.0, unit="GB/s")}
    calibration = Calibration(baselines=(), reference="c", noise=Metric(value=0.01), band=0.02, roof=roof)
    found = roofline_of(settings, {"n": 1_000_000}, evidence(cpu_ms=10.0, roof_pct=10.0), calibration, None)
    assert found is not None
    assert found.bandwidth_roof == roof["bandwidth"]
    assert roofline_of(settings, {"n": 1_000_000}, evidence(cpu_ms=10.0), calibration, None) is None, (
        "no roof beside it"
    )


def test_an_arithmetic_roof_is_the_tasks_own() -> None:
    settings = KernelSettings.model_validate({**SETTINGS, "roof_kind": "arithmetic"})
    found = roofline_of(settings, {"n": 1_000_000}, evidence(cpu_ms=10.0, roof_pct=25.0), None, None)
    assert found is not None
    assert (found.bound, found.share.value) == ("compute", 25.0)
    assert found.rate_roof is not None
    assert found.rate_roof.value == pytest.approx(40.0)
