"""C kernels on the CPU: candidate to evidence (entry point `kernels` of `nightforge.evaluators`)."""

from __future__ import annotations

import asyncio
import platform
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TypeVar

import evaluators
from evaluators.cascade import Cascade, CascadeEnded
from evaluators.integrity.c_mutants import mutate_c
from evaluators.integrity.seams import Honest, Impostor, Mutator
from evaluators.kernels import calibrate, stages
from evaluators.kernels.bench import Cast, open_bench
from evaluators.kernels.build import BuildFailure, build_kernel, check_source
from evaluators.kernels.checker import KernelChecker, open_kernel_checker
from evaluators.kernels.duel import measure_duel
from evaluators.kernels.export import kernel_files
from evaluators.kernels.gate import inspect_library
from evaluators.kernels.honest import honest_kernels
from evaluators.kernels.impostors import kernel_impostors
from evaluators.kernels.profile import Profiler
from evaluators.kernels.relations import load_relations
from evaluators.kernels.session import KernelFailed
from evaluators.kernels.spec import (
    HIDDEN_FILE,
    STAGES,
    KernelSettings,
    declared_threads,
    load_problem,
    primary_dims,
    read_hidden,
    read_settings,
)
from evaluators.kernels.toolchain import Missing, Recipe, Toolchain, runners_folder
from evaluators.stages import require_stages
from nightforge.domain.artifact import ExportedFile
from nightforge.domain.base import Scalar
from nightforge.domain.duel import DuelFinding
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.profile import KernelProfile
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, Outcome, Phase
from nightforge.errors import EvaluatorFault, UserError
from nightforge.fingerprint import cpu_identity, fingerprint
from sandbox.platform import find_tool
from tools import slots

T = TypeVar("T")
_DEFAULT_STAGE_S = 10.0
_DIAGNOSTIC = re.compile(r"^kernel\.c:\d+:\d+: (?:fatal )?error: ", re.MULTILINE)
_LASTING = frozenset(
    {"unknown_flag", "not_text", "too_long", "no_symbol", "library_too_large", "static_gate"}
    | {"wrong_output", "out_of_bounds", "bad_status"}
)
"""Reasons in which neither a clock nor the machine's load can have had a part."""


@dataclass(frozen=True)
class _Built:
    cast: Cast
    missing: dict[str, str]


def _settled(task: Task, parameters: Mapping[str, Scalar], calibration: Calibration | None = None) -> KernelSettings:
    """The settings on the plan's track, with the reference that the calibration chose among the opponents."""
    settings = read_settings(task).on_threads(declared_threads(task, parameters))
    return settings if calibration is None else settings.against(calibration.reference)


def _present(cast: Cast, calibration: Calibration | None) -> Cast:
    """Without the baselines that were missing at calibration: they do not start, or do not solve the task."""
    gone = {one.name for one in calibration.baselines if not one.available} if calibration is not None else set()
    return replace(cast, recipes={name: recipe for name, recipe in cast.recipes.items() if name not in gone})


async def _in_thread(work: Callable[[Event], T]) -> T:
    """Blocking work in a thread of its own; a cancelled caller stops it before its next call."""
    stop = Event()
    try:
        return await asyncio.to_thread(work, stop)
    except asyncio.CancelledError:
        stop.set()
        raise


class KernelEvaluator:
    """Implements `nightforge.domain.ports.Evaluator`.

    `static_gate=False` leaves the other fences to stand alone; only tests of those fences want that.
    """

    def __init__(self, sandbox: Sandbox, *, static_gate: bool = True) -> None:
        self._sandbox = sandbox
        self._static_gate = static_gate
        self._toolchain = Toolchain(sandbox)
        self._building = asyncio.Lock()
        self._profiler = Profiler(sandbox)

    @property
    def name(self) -> str:
        return "kernels"

    @property
    def clock(self) -> ClockKind | None:
        return ClockKind.CPU_MS

    def check_task(self, task: Task) -> None:
        settings = read_settings(task)
        hidden = read_hidden(task)
        for shape in (*hidden.correctness, *hidden.timed, *hidden.draw(0)):
            lacking = settings.dimensions - set(shape)
            if lacking:
                raise UserError(f"shape {shape} lacks {sorted(lacking)}", where=str(task.root / HIDDEN_FILE))
        where = str(task.root / "task.toml")
        require_stages(task, sorted({*STAGES, "confirm"}))
        if task.language != "c":
            raise UserError(f"language {task.language!r} is not built here", where=where, hint='language = "c"')
        primary_dims(settings, task, {})

    def prerequisites(self, task: Task) -> Sequence[str]:
        lacking = []
        if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
            lacking.append("kernels are measured on Linux on x86_64 or aarch64 (sealed memory, process clocks)")
        if find_tool("gcc") is None:
            lacking.append("no C compiler: install the packages gcc and libc6-dev")
        if find_tool("objdump") is None:
            lacking.append("no disassembler: install the package binutils")
        return tuple(lacking)

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ("cpu",)

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        tools = {**await self._toolchain.versions(), **await self._toolchain.build_tools(), "cpu": cpu_identity()}
        tools["static_gate"] = str(self._static_gate)
        code = (*map(Path, evaluators.__path__), runners_folder())
        return await asyncio.to_thread(fingerprint, task, parameters, tools=tools, code=code)

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        settings = _settled(task, parameters)
        dims = primary_dims(settings, task, parameters)
        built = await self._prepare(task, settings, everyone=True)
        environments = {
            baseline.name: await self._toolchain.environment(task, baseline, settings.threads)
            for baseline in settings.baselines
        }
        return await _in_thread(
            lambda stop: calibrate.measure(
                self._sandbox, built.cast, dims, built.missing, environments, seed=seed, stop=stop
            )
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
        settings = _settled(task, parameters, calibration)
        dims = primary_dims(settings, task, parameters)
        cascade = Cascade(phase, seed, await self._toolchain.versions())
        wall_s = {stage.name: stage.wall_s for stage in task.stages}
        try:
            library = await self._build(source, settings, cascade, wall_s.get("compile", _DEFAULT_STAGE_S))
            built = await self._prepare(task, settings, everyone=phase is Phase.CONFIRMATION)
            job = stages.Job(
                cast=replace(_present(built.cast, calibration), candidate=library),
                dims=dims,
                cascade=cascade,
                wall_s=wall_s,
                noise=calibration.noise.value if calibration else 0.0,
                best_score=best_score,
            )
            if phase is Phase.CONFIRMATION:
                hidden = read_hidden(task)
                job = replace(job, unseen=(*hidden.correctness, *hidden.draw(seed)), unseen_timed=hidden.timed)
            await _in_thread(lambda stop: self._measure(job, phase, seed, stop))
        except CascadeEnded:
            pass
        return cascade.evidence(self._sandbox.tier)

    async def duel(
        self,
        champion: str,
        challenger: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        calibration: Calibration | None = None,
    ) -> DuelFinding:
        """Implements `nightforge.domain.duel.OffersDuels`; what does not build any more has failed."""
        settings = _settled(task, parameters, calibration)
        wall_s = {stage.name: stage.wall_s for stage in task.stages}
        cascade = Cascade(Phase.CONFIRMATION, seed, await self._toolchain.versions())
        limit_s = wall_s.get("compile", _DEFAULT_STAGE_S)
        try:
            libraries = (
                await self._build(champion, settings, cascade, limit_s),
                await self._build(challenger, settings, cascade, limit_s),
            )
        except CascadeEnded:
            return DuelFinding(verdict="failed", reason="one of the two does not build")
        built = await self._prepare(task, settings, everyone=False)
        return await _in_thread(
            lambda stop: measure_duel(
                self._sandbox,
                built.cast,
                libraries,
                primary_dims(settings, task, parameters),
                seed=seed,
                noise=calibration.noise.value if calibration else 0.0,
                limit_s=wall_s.get("confirm", _DEFAULT_STAGE_S),
                stop=stop,
            )
        )

    async def profile(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        evidence: Evidence,
        *,
        calibration: Calibration | None = None,
    ) -> KernelProfile:
        """Implements `nightforge.domain.profile.OffersProfiles`."""
        settings = _settled(task, parameters)
        inputs, _ = load_problem(task)
        dims = primary_dims(settings, task, parameters)
        return await self._profiler.profile(source, settings, inputs, dims, evidence, calibration)

    @asynccontextmanager
    async def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AsyncIterator[KernelChecker]:
        """Implements `evaluators.integrity.seams.OffersChecker`."""
        settings = _settled(task, parameters)
        dims = primary_dims(settings, task, parameters)
        built = await self._prepare(task, settings, everyone=False)
        wall_s = {stage.name: stage.wall_s for stage in task.stages}
        tools = await self._toolchain.versions()
        async with open_kernel_checker(self._sandbox, built.cast, dims, wall_s, seed=seed, tools=tools) as checker:
            yield checker

    def files(self, source: str, task: Task, parameters: Mapping[str, Scalar]) -> Mapping[str, ExportedFile]:
        """Implements `nightforge.domain.artifact.OffersFiles`."""
        settings = read_settings(task).on_threads(int(parameters.get("threads", 1)))
        return kernel_files(source, task, settings)

    def honest_programs(self, task: Task) -> Sequence[Honest]:
        return honest_kernels(task)

    def mutator(self, task: Task) -> Mutator:
        return mutate_c

    def impostors(self, task: Task) -> Sequence[Impostor]:
        return kernel_impostors(task)

    def _measure(self, job: stages.Job, phase: Phase, seed: int, stop: Event) -> None:
        """All stages that run the candidate hold the machine's slot: its workers share one processor and its cache."""
        confirming = phase is Phase.CONFIRMATION
        shapes = [*job.settings.smoke, *job.settings.correctness, job.dims]
        hidden = [*job.unseen, *job.unseen_timed]
        words = [seed, 2 if confirming else 1]
        with slots.hold("cpu", stop=stop), open_bench(self._sandbox, job.cast, shapes, words, stop, hidden) as bench:
            if confirming:
                stages.correctness(bench, job)
                stages.confirm(bench, job)
            else:
                stages.search(bench, job)

    def is_lasting(self, evidence: Evidence) -> bool:
        """Refusals by the source or the machine code, and answers that are wrong: a counterexample stays one.

        Never a pass: its numbers are times, and every campaign measures its own noise and opponents.
        """
        failure = evidence.failure
        if failure is None or failure.outcome is not Outcome.FAIL:
            return False
        if failure.reason == "compile_error":
            # A compiler that was stopped, or found no memory, says nothing of the line that it stood at.
            return _DIAGNOSTIC.search(failure.feedback) is not None
        return failure.reason in _LASTING

    async def _build(self, source: str, settings: KernelSettings, cascade: Cascade, wall_s: float) -> bytes:
        with cascade.stage("parse"):
            failure = check_source(source, settings.symbol)
            if failure is not None:
                raise KernelFailed(failure.reason, failure.feedback)
        with cascade.stage("compile") as notes:
            built = await build_kernel(self._sandbox, source, wall_s=wall_s, threads=settings.threads)
            if isinstance(built, BuildFailure):
                outcome = Outcome.TIMEOUT if built.timed_out else Outcome.FAIL
                raise KernelFailed(built.reason, built.feedback, outcome)
            notes.feedback = built.remarks
        with cascade.stage("gate"):
            problems = await asyncio.to_thread(
                inspect_library, built.library, settings.symbol, built.forbidden, threads=settings.threads
            )
            if problems and self._static_gate:
                raise KernelFailed("static_gate", "; ".join(problems[:10]))
        return built.library

    async def _prepare(self, task: Task, settings: KernelSettings, *, everyone: bool) -> _Built:
        """Build what stands beside the candidate; compiled once per evaluator."""
        inputs, oracle = load_problem(task)
        recipes: dict[str, Recipe] = {}
        missing: dict[str, str] = {}
        async with self._building:
            for baseline in settings.baselines:
                if not everyone and not baseline.in_search:
                    continue
                recipe = await self._toolchain.program(task, baseline, settings.threads)
                if isinstance(recipe, Missing):
                    missing[baseline.name] = recipe.reason
                else:
                    recipes[baseline.name] = recipe
            worker = await self._toolchain.worker()
            roof = await self._toolchain.library(task, settings.roof)
        if settings.reference not in recipes:
            raise EvaluatorFault(
                f"the reference {settings.reference} cannot run here: {missing.get(settings.reference, 'not built')}",
                hint="gains are counted against it since the calibration, on this machine or another: calibrate again",
            )
        cast = Cast(settings, inputs, oracle, worker, roof, recipes, relations=load_relations(task))
        return _Built(cast, missing)
