"""The whole cascade in a real box, on a vector short enough to be quick."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest
from attack_pack.gains import gains

from evaluators.kernels import stages
from evaluators.kernels.bench import measuring_cpus
from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence, StageEvidence
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, EvidenceClass, Outcome, Phase, SandboxTier
from nightforge.errors import EvaluatorFault, UserError
from tools import slots

pytestmark = pytest.mark.box

_N = 1 << 20
_SEED = 77


@pytest.fixture
def task(shipped: Callable[[str], Task], small: Callable[[Task, int], Task]) -> Task:
    return small(shipped("softmax-long"), _N)


def _failure(evidence: Evidence) -> StageEvidence:
    assert evidence.failure is not None, evidence.metrics
    return evidence.failure


async def _search(evaluator: KernelEvaluator, task: Task, source: str, *, best_score: float | None = None) -> Evidence:
    return await evaluator.evaluate(source, task, {}, seed=_SEED, phase=Phase.SEARCH, best_score=best_score)


async def test_the_seed_passes_every_stage_with_named_numbers(evaluator: KernelEvaluator, task: Task) -> None:
    evidence = await _search(evaluator, task, task.read(task.seed))
    assert [stage.stage for stage in evidence.stages] == [
        "parse",
        "compile",
        "gate",
        "smoke",
        "correctness",
        "quick",
        "full",
    ]
    assert evidence.passed
    assert evidence.tier is SandboxTier.BUBBLEWRAP
    assert evidence.evidence_class is EvidenceClass.ISOLATED
    assert all(stage.seed == _SEED for stage in evidence.stages)
    assert all("gcc" in stage.tools["gcc"] for stage in evidence.stages)
    metrics = evidence.metrics
    units = {name: metrics[name].unit for name in ("speedup", "cpu_ms", "wall_ms", "roof_pct", "control_ratio")}
    assert units == {"speedup": "x", "cpu_ms": "ms", "wall_ms": "ms", "roof_pct": "%", "control_ratio": "x"}
    assert metrics["speedup"].low is not None
    assert metrics["speedup"].samples == 15
    assert metrics["err_rel"].value < 1e-4
    assert metrics["page_faults"].value == 0
    assert 0.01 < metrics["cpu_ms"].value < 1000


async def test_a_kernel_that_does_the_work_four_times_takes_far_longer(evaluator: KernelEvaluator, task: Task) -> None:
    """The clock sees work, not replies; only the first time is the memory cold, so a fourth is not exact."""
    source = task.read("c_fast.c").replace("int nf_kernel(", "static int once(")
    source += "\nint nf_kernel(const nf_args *a) {\n    return once(a) + once(a) + once(a) + once(a);\n}\n"
    evidence = await _search(evaluator, task, source)
    assert evidence.passed
    assert 0.1 < evidence.metrics["speedup"].value < 0.7


async def test_confirmation_uses_hidden_shapes_and_twice_the_rounds(evaluator: KernelEvaluator, task: Task) -> None:
    evidence = await evaluator.evaluate(task.read("c_fast.c"), task, {}, seed=_SEED, phase=Phase.CONFIRMATION)
    assert [stage.stage for stage in evidence.stages][-2:] == ["correctness", "confirm"]
    assert evidence.passed
    assert evidence.metrics["speedup"].samples == 30
    assert "speedup.hidden" in evidence.metrics


async def test_a_kernel_that_fails_only_on_hidden_lengths_is_not_confirmed(
    evaluator: KernelEvaluator, task: Task
) -> None:
    source = task.read("c_fast.c").replace("int64_t n = a->n;", "int64_t n = a->n == 4099 ? 4098 : a->n;")
    assert (await _search(evaluator, task, source)).passed
    evidence = await evaluator.evaluate(source, task, {}, seed=_SEED, phase=Phase.CONFIRMATION)
    assert _failure(evidence).stage == "confirm"
    assert _failure(evidence).reason == "wrong_output"
    assert "a hidden shape" in _failure(evidence).feedback
    assert "4099" not in _failure(evidence).feedback


async def test_a_clearly_slower_one_is_dropped_early(evaluator: KernelEvaluator, task: Task) -> None:
    failure = _failure(await _search(evaluator, task, task.read(task.seed), best_score=50.0))
    assert (failure.stage, failure.reason, failure.outcome) == ("quick", "slower", Outcome.FAIL)


async def test_faster_than_memory_is_refused(
    evaluator: KernelEvaluator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a roof that is far too slow, an honest kernel stands in for an impossible one."""
    monkeypatch.setattr(stages, "l3_bytes", lambda: 1024)
    slow_roof = task.model_copy(update={"settings": {**task.settings, "roof": "c_o3.c"}})
    failure = _failure(await _search(evaluator, slow_roof, task.read("c_fast.c")))
    assert (failure.stage, failure.reason) == ("full", "below_roof")
    assert "speedup" in failure.metrics


@pytest.mark.parametrize(
    ("old", "new", "stage", "reason", "words"),
    [
        ("float scale =", "floot scale =", "compile", "compile_error", "kernel.c:"),
        ("vec512", "vec4096", "parse", "unknown_flag", "vec4096"),
        ("return 0;", "return 3;", "smoke", "bad_status", "returned 3"),
        ("return 0;", "return *(volatile int *)8;", "smoke", "crash", "SIGSEGV"),
        ("return 0;", "return missing(n);", "gate", "static_gate", "imports missing"),
        ("return 0;", "return y[n + 4000000] > 0;", "smoke", "crash", "guard page"),
        ("y[i] *= scale", "y[i] *= scale * 1.01f", "smoke", "wrong_output", "allowed"),
    ],
)
async def test_a_broken_kernel_fails_where_it_should_with_words_for_the_coder(
    evaluator: KernelEvaluator, task: Task, old: str, new: str, stage: str, reason: str, words: str
) -> None:
    source = task.read("c_fast.c")
    assert old in source
    failure = _failure(await _search(evaluator, task, source.replace(old, new)))
    assert (failure.stage, failure.reason) == (stage, reason), failure.feedback
    assert words in failure.feedback


async def test_host_paths_stay_out_of_the_compilers_words(evaluator: KernelEvaluator, task: Task) -> None:
    failure = _failure(await _search(evaluator, task, '#include "/etc/shadow"\nint nf_kernel(void);'))
    assert failure.reason == "compile_error"
    assert "root:" not in failure.feedback


@pytest.mark.parametrize("name", ["softmax-long", "axpy"])
async def test_the_rehearsal_candidates_meet_their_fate(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task], small: Callable[[Task, int], Task], name: str
) -> None:
    task = small(shipped(name), _N)
    for known in task.rehearsal:
        source = task.read(known.path)
        evidence = await _search(evaluator, task, source)
        assert evidence.passed is (known.expect != "reject"), (known.path, evidence.failure)
        assert not await gains(evaluator, task, source, evidence, above=1.05), known.path


async def test_calibration_names_every_baseline_and_what_is_missing(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task], tmp_path: Path
) -> None:
    folder = tmp_path / "softmax-long"
    shutil.copytree(shipped("softmax-long").root, folder)
    wrong = (folder / "numpy_softmax.py").read_text(encoding="utf-8").replace("np.exp(y", "np.sin(y")
    (folder / "wrong.py").write_text(wrong, encoding="utf-8")
    (folder / "broken.py").write_text("import numpy.not_there\n", encoding="utf-8")
    extra = """
[[settings.baselines]]
name = "absent"
title = "a package that nobody has"
language = "python"
package = "nightforge_absent_package"
source = "numpy_softmax.py"
[[settings.baselines]]
name = "broken"
title = "a package that is there in part"
language = "python"
package = "numpy"
source = "broken.py"
[[settings.baselines]]
name = "wrong"
title = "a baseline that is wrong"
language = "python"
package = "numpy"
source = "wrong.py"
"""
    document = folder / "task.toml"
    text = document.read_text(encoding="utf-8").replace("16777216", "262144") + extra
    document.write_text(text, encoding="utf-8")
    calibration = await evaluator.calibrate(load_task(folder), {}, seed=_SEED)
    found = {baseline.name: baseline for baseline in calibration.baselines}
    assert calibration.reference == "c-fast"
    assert found["c-o3"].metrics["cpu_ms"].value > found["c-fast"].metrics["cpu_ms"].value
    assert "-ffast-math" in found["c-fast"].environment["flags"]
    assert found["numpy"].available, found["numpy"].missing_reason
    assert found["numpy"].environment["MALLOC_MMAP_MAX_"] == "0"
    assert "nightforge_absent_package" in found["absent"].missing_reason
    assert "numpy.not_there" in found["broken"].missing_reason
    assert "off by" in found["wrong"].missing_reason
    assert not found["wrong"].available
    assert calibration.band >= 2 * calibration.noise.value
    assert calibration.room is not None
    assert calibration.roof["bandwidth"].unit == "GB/s"
    evidence = await evaluator.evaluate(
        (folder / "c_fast.c").read_text(encoding="utf-8"),
        load_task(folder),
        {},
        seed=_SEED,
        phase=Phase.SEARCH,
        calibration=calibration,
    )
    assert evidence.passed, evidence.failure
    assert "speedup.numpy" in evidence.metrics
    assert not {"speedup.broken", "speedup.wrong"} & set(evidence.metrics)


async def test_a_reference_that_does_not_compile_is_our_fault(evaluator: KernelEvaluator, task: Task) -> None:
    broken = task.model_copy(update={"settings": {**task.settings, "roof": "brief.md"}})
    with pytest.raises(EvaluatorFault, match="does not compile"):
        await _search(evaluator, broken, task.read(task.seed))


async def test_more_threads_than_offered_are_refused(evaluator: KernelEvaluator, task: Task) -> None:
    with pytest.raises(UserError, match="threads = 4"):
        await evaluator.evaluate("", task, {"threads": 4}, seed=1, phase=Phase.SEARCH)


def test_the_contract_names_clock_and_resource(evaluator: KernelEvaluator, task: Task) -> None:
    assert evaluator.clock is ClockKind.CPU_MS
    assert evaluator.resources(task, {}) == ("cpu",)
    assert evaluator.prerequisites(task) == ()


async def test_a_cancelled_evaluation_lets_go_of_the_machine(
    evaluator: KernelEvaluator, shipped: Callable[[str], Task], small: Callable[[Task, int], Task]
) -> None:
    task = small(shipped("softmax-long"), 1 << 22)
    running = asyncio.create_task(_search(evaluator, task, task.read("c_o3.c")))
    await asyncio.sleep(0.5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with slots.hold("cpu", timeout_s=120):
        pass


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Others that never rest on the measuring processor, each in a session (and so a share) of its own.

    They come when the evaluation has the machine's slot, so that nobody else's measurement meets them.
    """
    hold = slots.hold

    def gather(size: int) -> None:
        @contextmanager
        def held(resource: str, *, stop: Event | None = None) -> Iterator[None]:
            with hold(resource, stop=stop), ExitStack() as stack:
                for _ in range(size):
                    stack.callback(stack.enter_context(_start_hog()).kill)
                yield

        monkeypatch.setattr(slots, "hold", held)

    return gather


def _start_hog() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _HOG, str(os.getpid())], start_new_session=True)


_HOG = f"""
import ctypes, os, signal, sys
signal.alarm(300)
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: gone with whoever started it, however that ended
if os.getppid() != int(sys.argv[1]):
    sys.exit()
os.sched_setaffinity(0, {list(measuring_cpus(1))})
while True: pass
"""


needs_waiting_times = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="this kernel does not count waiting time"
)
_SPIN = "for (volatile long i = 0; ; i++) {}"


@pytest.mark.parametrize(
    "work", [pytest.param(_SPIN.replace("; ;", "; i < 2000000000;"), marks=pytest.mark.slow), _SPIN]
)
@needs_waiting_times
async def test_a_machine_that_gives_no_processor_is_never_the_candidates_failure(
    evaluator: KernelEvaluator, task: Task, crowd: Callable[[int], None], work: str
) -> None:
    """A thirtieth of a processor is nothing to judge an endless program by, either; and the wait ends."""
    source = task.read("c_fast.c").replace("float largest", work + "\n    float largest")
    crowd(30)
    with pytest.raises(EvaluatorFault, match=r"waited .* for a processor") as caught:
        await _search(evaluator, task, source)
    waited = re.search(r"of ([\d.]+) s for", str(caught.value))
    assert waited is not None
    assert 15.0 <= float(waited[1]) < 20.0


@needs_waiting_times
async def test_an_endless_program_is_the_candidates_failure_on_a_busy_machine(
    evaluator: KernelEvaluator, task: Task, crowd: Callable[[int], None]
) -> None:
    """With a fourth of a processor its reply is late by its own time, only later than on an idle machine."""
    crowd(3)
    source = task.read("c_fast.c").replace("float largest", _SPIN + "\n    float largest")
    failure = _failure(await _search(evaluator, task, source))
    assert (failure.stage, failure.reason, failure.outcome) == ("smoke", "timeout", Outcome.TIMEOUT)
    assert failure.duration_s > 3.0


@needs_waiting_times
@pytest.mark.slow
async def test_a_program_that_needs_its_time_passes_on_a_busy_machine(
    evaluator: KernelEvaluator, task: Task, crowd: Callable[[int], None]
) -> None:
    """About a second, computed with a fourth of a processor: late by the wall clock, not by its own."""
    slow = (
        "static int calls; float slow = x[0]; if (calls++ == 0)"
        "for (long i = 0; i < 700000000; i++) slow = slow * 0.9999f + 1e-3f; if (slow == 1.2345f) return 1;"
    )
    crowd(3)
    evidence = await _search(evaluator, task, task.read("c_fast.c").replace("float largest", slow + " float largest"))
    smoke = next(stage for stage in evidence.stages if stage.stage == "smoke")
    assert smoke.outcome is Outcome.PASS, smoke.feedback
    assert smoke.duration_s > 1.5


async def test_an_opponent_that_fails_is_never_the_candidates_failure(
    evaluator: KernelEvaluator, task: Task, tmp_path: Path
) -> None:
    folder = tmp_path / "task"
    shutil.copytree(task.root, folder)
    roof = (folder / "roof.c").read_text(encoding="utf-8").replace("return 0;", "return 5;")
    (folder / "roof.c").write_text(roof, encoding="utf-8")
    with pytest.raises(EvaluatorFault, match="roof failed: bad_status"):
        await _search(evaluator, task.model_copy(update={"root": folder}), task.read("c_fast.c"))
