"""GPU programs without a GPU: arithmetic, real compiler and interpreter where they are installed, and the labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.gpu.evaluator import GpuEvaluator
from evaluators.gpu.occupancy import ARCHITECTURES, occupancy
from evaluators.gpu.tools import cuda_home, read_figures, triton_home
from evaluators.kernels.toolchain import Missing
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence
from nightforge.domain.words import CandidateState, EvidenceClass, Phase
from nightforge.errors import UserError
from sandbox.probe import open_sandbox
from workflows.confirmation import settle

EXAMPLES = Path(__file__).parents[3] / "examples" / "gpu"
CUDA, TRITON = load_task(EXAMPLES / "softmax-cuda"), load_task(EXAMPLES / "softmax-triton")
needs_nvcc = pytest.mark.skipif(isinstance(cuda_home(), Missing), reason="nvcc is not installed")
needs_triton = pytest.mark.skipif(isinstance(triton_home(), Missing), reason="triton is not installed")
SAID = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'k' for 'sm_80'
ptxas info    : Function properties for k
    16 bytes stack frame, 12 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 1024 bytes smem, 372 bytes cmem[0]
"""


@pytest.mark.parametrize(
    ("arch", "threads", "registers", "shared", "blocks", "percent", "limit"),
    [
        # Worked by hand from the tables of the programming guide.
        ("sm_80", 256, 32, 0, 8, 100.0, "warps"),
        ("sm_80", 256, 40, 1024, 6, 75.0, "registers"),
        ("sm_80", 256, 64, 0, 4, 50.0, "registers"),
        ("sm_80", 256, 255, 0, 1, 12.5, "registers"),
        ("sm_80", 128, 32, 40 * 1024, 4, 25.0, "shared memory"),
        ("sm_80", 32, 16, 0, 32, 50.0, "blocks"),
        ("sm_86", 256, 32, 0, 6, 100.0, "warps"),
        ("sm_90", 1024, 64, 0, 1, 50.0, "registers"),
        ("sm_80", 1024, 128, 0, 0, 0.0, "registers"),
        ("sm_80", 256, 32, 200 * 1024, 0, 0.0, "shared memory"),
    ],
)
def test_occupancy(
    arch: str, threads: int, registers: int, shared: int, blocks: int, percent: float, limit: str
) -> None:
    found = occupancy(ARCHITECTURES[arch], threads=threads, registers=registers, shared_bytes=shared)
    assert (found.blocks, found.percent, found.limit) == (blocks, percent, limit)


def test_what_no_block_can_have_is_an_error() -> None:
    for threads, registers, shared in ((0, 1, 0), (2000, 1, 0), (32, 256, 0), (32, 1, -1)):
        with pytest.raises(ValueError, match="no block"):
            occupancy(ARCHITECTURES["sm_80"], threads=threads, registers=registers, shared_bytes=shared)


def test_figures_are_of_the_entry_and_the_architecture() -> None:
    found = read_figures(SAID, "k", "sm_80")
    assert found is not None
    assert (found.registers, found.spill_stores, found.spill_loads) == (40, 12, 8)
    assert (found.stack, found.shared) == (16, 1024)
    assert read_figures(SAID, "other", "sm_80") is None
    assert read_figures(SAID, "k", "sm_90") is None
    assert read_figures(SAID + SAID, "k", "sm_80") is None, "two answers are none"


def test_neither_class_is_ever_confirmed() -> None:
    for kind in (EvidenceClass.COMPILED_ONLY, EvidenceClass.INTERPRETED_CORRECT):
        assert not kind.can_be_confirmed
        assert "never confirmed" in kind.meaning


def test_a_task_says_what_is_wrong_with_it() -> None:
    evaluator = GpuEvaluator(open_sandbox())
    evaluator.check_task(CUDA)
    evaluator.check_task(TRITON)
    with pytest.raises(UserError, match="sm_12345"):
        evaluator.check_task(CUDA.model_copy(update={"settings": {**CUDA.settings, "architecture": "sm_12345"}}))
    with pytest.raises(UserError, match="language 'c'"):
        evaluator.check_task(CUDA.model_copy(update={"language": "c"}))
    with pytest.raises(UserError, match="lacks"):
        evaluator.check_task(TRITON.model_copy(update={"settings": {**TRITON.settings, "shapes": [{"rows": 1}]}}))


def test_what_is_missing_is_named_with_what_to_install() -> None:
    evaluator = GpuEvaluator(open_sandbox())
    for task, home in ((CUDA, cuda_home()), (TRITON, triton_home())):
        lacking = evaluator.prerequisites(task)
        if isinstance(home, Missing):
            assert len(lacking) == 1
            assert "pip install" in lacking[0]
        else:
            assert lacking == ()


async def evaluated(task_name: str, source: str) -> Evidence:
    task = CUDA if task_name == "cuda" else TRITON
    return await GpuEvaluator(open_sandbox()).evaluate(source, task, {}, seed=1, phase=Phase.CONFIRMATION)


@needs_nvcc
async def test_cuda_is_compiled_and_stays_unconfirmed() -> None:
    found = await evaluated("cuda", CUDA.read("seed.cu"))
    assert found.passed
    assert found.evidence_class is EvidenceClass.COMPILED_ONLY
    assert 0 < found.metrics["registers"].value < 256
    assert found.metrics["shared_bytes"].value == 1024
    assert 0 < found.metrics["occupancy"].value <= 100
    assert not any(metric.unit in {"ms", "x"} for metric in found.metrics.values()), "no figure of speed"
    assert settle(found) == (CandidateState.MEASURED, "evidence is compiled-only")
    calibration = await GpuEvaluator(open_sandbox()).calibrate(CUDA, {}, seed=1)
    assert calibration.evidence_class is EvidenceClass.COMPILED_ONLY


@needs_nvcc
async def test_printed_figures_are_not_believed() -> None:
    """The message says 1 register; ptxas, which is asked alone, knows better."""
    honest = await evaluated("cuda", CUDA.read("seed.cu"))
    forged = CUDA.read("known/forged.cu").replace("y[0] = undeclared;", "").partition("extern")[0] + CUDA.read(
        "seed.cu"
    )
    found = await evaluated("cuda", forged)
    assert found.metrics["registers"] == honest.metrics["registers"]


@needs_nvcc
@pytest.mark.parametrize(("name", "reason"), [("no_kernel", "no_entry"), ("forged", "compile_error")])
async def test_bad_cuda_is_refused(name: str, reason: str) -> None:
    failure = (await evaluated("cuda", CUDA.read(f"known/{name}.cu"))).failure
    assert failure is not None
    assert failure.reason == reason


@needs_nvcc
async def test_spills_are_seen() -> None:
    """Two hundred live sums do not fit in the registers that 1024 threads leave each."""
    many = ", ".join(f"s{i} = x[{i} * 1024 + t]" for i in range(200))
    total = " + ".join(f"s{i} * y[s{i} > 0 ? {i} : t]" for i in range(200))
    loop = " ".join(f"s{i} = s{i} * s{(i + 1) % 200} + 1.0f;" for i in range(200))
    source = (
        'extern "C" __global__ void __launch_bounds__(1024) softmax_rows(const float *x, float *y, int cols) {\n'
        f"int t = threadIdx.x; float {many};\nfor (int k = 0; k < cols; k++) {{ {loop} }}\ny[t] = {total};\n}}\n"
    )
    assert (await evaluated("cuda", source)).metrics["spill_bytes"].value > 0


async def test_triton_programs_import_nothing_else() -> None:
    if isinstance(triton_home(), Missing):
        pytest.skip("triton is not installed")
    failure = (await evaluated("triton", TRITON.read("known/numpy.py"))).failure
    assert failure is not None
    assert failure.reason == "forbidden_import"


@needs_triton
async def test_triton_is_interpreted_and_stays_unconfirmed() -> None:
    found = await evaluated("triton", TRITON.read("seed.py"))
    assert found.passed, found.failure
    assert found.evidence_class is EvidenceClass.INTERPRETED_CORRECT
    assert found.metrics["calls"].value == 12
    assert settle(found) == (CandidateState.MEASURED, "evidence is interpreted-correct")


@needs_triton
async def test_a_wrong_triton_program_is_refused() -> None:
    failure = (await evaluated("triton", TRITON.read("known/no_mask.py"))).failure
    assert failure is not None
    assert failure.reason == "wrong_output"
