"""GPU kernels on a machine without a GPU (entry point `gpu` of `nightforge.evaluators`).

CUDA is compiled and its figures are read: evidence `compiled-only`. Triton is interpreted and its answers are checked:
`interpreted-correct`. Neither is ever confirmed, nor ranked beside what was measured; timing on a GPU is another stage.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import numpy as np

import evaluators
from evaluators.cascade import CandidateFailed, Cascade, CascadeEnded, StageNotes
from evaluators.gpu.occupancy import ARCHITECTURES, occupancy
from evaluators.gpu.spec import LANGUAGES, GpuSettings, read_settings
from evaluators.gpu.tools import CudaHome, cuda_home, read_figures, triton_home
from evaluators.kernels.correctness import relative_error
from evaluators.kernels.spec import Array, Dims, Floats, load_problem
from evaluators.kernels.toolchain import Missing, PythonHome, runners_folder
from evaluators.python_candidates import check_imports, parse_functions
from evaluators.stages import require_stages
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, EvidenceClass, Outcome, Phase
from nightforge.errors import EvaluatorFault, PrerequisiteMissing
from nightforge.fingerprint import fingerprint

Home = TypeVar("Home", CudaHome, PythonHome)
MAX_SOURCE_BYTES = 256 * 1024
CLASSES = {"cuda": EvidenceClass.COMPILED_ONLY, "triton": EvidenceClass.INTERPRETED_CORRECT}
_WALL_S = 60.0
_FEEDBACK_CHARACTERS = 4000
_SEED = "seed"
_TRITON_IMPORTS = ("triton", "triton.language", "math")
_LASTING = frozenset(
    {"too_long", "no_entry", "no_function", "syntax_error", "forbidden_import", "compile_error", "wrong_output"}
)


class GpuEvaluator:
    """Implements `nightforge.domain.ports.Evaluator`; it has no clock and holds no device."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._versions: dict[str, dict[str, str]] = {}

    @property
    def name(self) -> str:
        return "gpu"

    @property
    def clock(self) -> ClockKind | None:
        return None

    def check_task(self, task: Task) -> None:
        read_settings(task)
        require_stages(task, LANGUAGES[task.language])

    def prerequisites(self, task: Task) -> Sequence[str]:
        home = triton_home() if task.language == "triton" else cuda_home()
        return (home.reason,) if isinstance(home, Missing) else ()

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        tools = await self._tools(task)
        code = (*map(Path, evaluators.__path__), runners_folder())
        return await asyncio.to_thread(fingerprint, task, parameters, tools=tools, code=code)

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        """The seed is what a gain is counted against: figures of a compiler have no noise, and no roof is known."""
        evidence = await self.evaluate(task.read(task.seed), task, parameters, seed=seed, phase=Phase.SEARCH)
        if evidence.failure is not None:
            raise EvaluatorFault(f"the seed fails: {evidence.failure.feedback[:500]}", where=str(task.root / task.seed))
        baseline = Baseline(
            name=_SEED, title="the seed", metrics=dict(evidence.metrics), environment=await self._tools(task)
        )
        return Calibration(
            evidence_class=CLASSES[task.language],
            baselines=(baseline,),
            reference=_SEED,
            noise=Metric(value=0.0, unit="relative"),
            band=0.0,
            seconds_per_evaluation=sum(stage.duration_s for stage in evidence.stages),
        )

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        settings = read_settings(task)
        cascade = Cascade(phase, seed, await self._tools(task))
        try:
            with cascade.stage("parse"):
                _check_text(source, settings.entry, task.language)
            if task.language == "cuda":
                await self._compile(source, settings, cascade)
            else:
                await self._interpret(source, task, settings, cascade, seed)
        except CascadeEnded:
            pass
        return cascade.evidence(self._sandbox.tier, CLASSES[task.language])

    def is_lasting(self, evidence: Evidence) -> bool:
        """Passes and refusals: no clock has a part in them, but for time-outs."""
        failure = evidence.failure
        return failure is None or (failure.outcome is Outcome.FAIL and failure.reason in _LASTING)

    async def _tools(self, task: Task) -> dict[str, str]:
        if task.language not in self._versions:
            self._versions[task.language] = (
                _triton_tools() if task.language == "triton" else await self._cuda_tools(_installed(cuda_home()))
            )
        return self._versions[task.language]

    async def _cuda_tools(self, home: CudaHome) -> dict[str, str]:
        script = f"{home.bin}nvcc --version | tail -n 2 | head -n 1"
        result = await self._sandbox.run(["/bin/sh", "-c", script], files=dict(home.files), limits=Limits(wall_s=20))
        said = result.stdout.decode("utf-8", "replace").strip()
        if not said:
            raise EvaluatorFault("nvcc does not run inside the box", hint="is its folder readable for everybody?")
        return {"nvcc": said}

    async def _compile(self, source: str, settings: GpuSettings, cascade: Cascade) -> None:
        """To PTX by nvcc, and from there by ptxas alone: what it prints, no source can write."""
        home = _installed(cuda_home())
        with cascade.stage("compile"):
            command = [f"{home.bin}nvcc", f"-arch={settings.architecture}", "-O3", "-ptx", "/job/kernel.cu", "-o"]
            limits = Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S), memory_bytes=2048 * MIB)
            result = await self._sandbox.run(
                [*command, "kernel.ptx"],
                files={**home.files, "kernel.cu": source.encode()},
                limits=limits,
                outputs=("kernel.ptx",),
            )
            ptx = result.outputs.get("kernel.ptx", b"")
            if not result.ok or not ptx:
                raise _refused(result, "compile_error")
        with cascade.stage("figures") as notes:
            command = [
                f"{home.bin}ptxas",
                "-v",
                f"-arch={settings.architecture}",
                "/job/kernel.ptx",
                "-o",
                "kernel.cubin",
            ]
            result = await self._sandbox.run(command, files={**home.files, "kernel.ptx": ptx}, limits=limits)
            if not result.ok:
                raise _refused(result, "compile_error")
            _note_figures(notes, settings, result.stderr.decode("utf-8", "replace"))

    async def _interpret(self, source: str, task: Task, settings: GpuSettings, cascade: Cascade, seed: int) -> None:
        asked = _Questions(task, settings, np.random.default_rng(seed))
        for shape in settings.shapes:
            for distribution in settings.distributions:
                asked.add(shape, distribution)
        files = {**asked.files, "program.py": source.encode(), "calls.json": json.dumps(asked.calls).encode()}
        with cascade.stage("interpret"):
            result = await self._launch(_installed(triton_home()), settings.entry, files, tuple(asked.expected))
            if not result.ok:
                raise _refused(result, "raised")
        with cascade.stage("correctness") as notes:
            _compare(notes, settings, asked.expected, result.outputs)

    async def _launch(
        self, home: PythonHome, entry: str, files: Mapping[str, bytes], outputs: Sequence[str]
    ) -> ExecResult:
        worker = {"worker.py": (runners_folder() / "triton_worker.py").read_bytes()}
        return await self._sandbox.run(
            [home.argv0, *("-I", "-S", "/job/worker.py", "/job/site", "/job/program.py", "/job/calls.json", entry)],
            files={**home.files, **files, **worker},
            limits=Limits(wall_s=2 * _WALL_S, cpu_s=int(2 * _WALL_S), memory_bytes=2048 * MIB),
            outputs=outputs,
        )


class _Questions:
    """Calls of one program, their data as files, and the oracle's answers; a buffer's file is CALL-PLACE."""

    def __init__(self, task: Task, settings: GpuSettings, rng: np.random.Generator) -> None:
        self._inputs, self._oracle = load_problem(task)
        self._arguments, self._rng = settings.arguments, rng
        self.calls: list[list[object]] = []
        self.files: dict[str, bytes] = {}
        self.expected: dict[str, Floats] = {}

    def add(self, shape: Dims, distribution: str) -> None:
        buffers = [one for one in self._arguments if one.is_buffer]
        arrays: dict[str, Array] = {one.name: np.zeros(one.elements(shape), dtype=one.dtype) for one in buffers}
        scalars = self._inputs.fill(self._rng, shape, distribution, arrays)
        answers = {one.name: np.empty(one.elements(shape), dtype=np.float32) for one in buffers if one.is_answer}
        self._oracle.expected(shape, arrays, scalars, answers)
        call = list[object]()
        for place, one in enumerate(self._arguments):
            if not one.is_buffer:
                call.append(shape[one.name] if one.kind == "int64" else scalars[one.name])
                continue
            file = f"{len(self.calls)}-{place}"
            if not one.is_read:
                arrays[one.name].fill(np.nan)
            if one.is_answer:
                self.expected[file] = answers[one.name]
            self.files[file] = arrays[one.name].tobytes()
            call.append([f"/job/{file}", str(one.dtype), one.is_written])
        self.calls.append(call)


def _check_text(source: str, entry: str, language: str) -> None:
    if len(source.encode()) > MAX_SOURCE_BYTES:
        raise CandidateFailed("too_long", f"the limit is {MAX_SOURCE_BYTES} bytes")
    if re.search(rf"\b{entry}\b", source) is None:
        raise CandidateFailed("no_entry", f"the source does not define {entry}")
    if language == "triton":
        check_imports(parse_functions(source, (entry,), CandidateFailed), _TRITON_IMPORTS, CandidateFailed)


def _installed(home: Home | Missing) -> Home:
    if isinstance(home, Missing):
        raise PrerequisiteMissing(home.reason, where="gpu", hint="`nightforge doctor` says more")
    return home


def _triton_tools() -> dict[str, str]:
    _installed(triton_home())
    return {"triton": f"{metadata.version('triton')}, interpreter", "numpy": np.__version__}


def _refused(result: ExecResult, reason: str) -> CandidateFailed:
    if result.reason in {ExitReason.WALL_LIMIT, ExitReason.CPU_LIMIT}:
        return CandidateFailed("timeout", "it ran out of time", Outcome.TIMEOUT)
    said = result.stderr.decode("utf-8", "replace").replace("/job/", "").strip()
    return CandidateFailed(reason, said[-_FEEDBACK_CHARACTERS:] or f"ended: {result.reason.value}")


def _note_figures(notes: StageNotes, settings: GpuSettings, said: str) -> None:
    figures = read_figures(said, settings.entry, settings.architecture)
    if figures is None:
        raise CandidateFailed("no_entry", f'there is no kernel {settings.entry}: is it extern "C" and __global__?')
    shared = figures.shared + settings.dynamic_shared_bytes
    resident = occupancy(
        ARCHITECTURES[settings.architecture],
        threads=settings.threads,
        registers=figures.registers,
        shared_bytes=shared,
    )
    values = {
        "occupancy": (resident.percent, "%"),
        "registers": (figures.registers, "per thread"),
        "spill_bytes": (figures.spill_stores + figures.spill_loads, "B per thread"),
        "stack_bytes": (figures.stack, "B per thread"),
        "shared_bytes": (shared, "B per block"),
        "blocks": (resident.blocks, "per multiprocessor"),
    }
    notes.metrics.update({name: Metric(value=value, unit=unit) for name, (value, unit) in values.items()})
    notes.feedback = (
        f"{settings.architecture}, {settings.threads} threads a block: {resident.blocks} blocks resident, limited by "
        f"{resident.limit}; nothing was run and no answer was checked"
    )


def _compare(
    notes: StageNotes, settings: GpuSettings, expected: Mapping[str, Floats], found: Mapping[str, bytes]
) -> None:
    worst = 0.0
    for name, answer in expected.items():
        data = found.get(name, b"")
        if len(data) != answer.nbytes:
            raise CandidateFailed("wrong_output", f"output {name} has {len(data)} bytes, not {answer.nbytes}")
        error = relative_error(np.frombuffer(data, dtype=np.float32), answer)
        allowed = settings.tolerance.limit(0.0, answer.size)
        if not error <= allowed:
            raise CandidateFailed("wrong_output", f"call {name}: error {error:.1e}, allowed {allowed:.1e} of the scale")
        worst = max(worst, error)
    notes.metrics["err_rel"] = Metric(value=worst, samples=len(expected))
    notes.metrics["calls"] = Metric(value=float(len(expected)))
    notes.feedback = f"{len(expected)} calls interpreted and checked, largest error {worst:.1e}; nothing was timed"
