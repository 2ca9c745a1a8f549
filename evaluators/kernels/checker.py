"""The stages that judge a kernel's correctness, without those that measure: open once, for many programs.

Worker, reference process and shared memory are kept; each program is built and run in boxes of its own. No measuring
slot is held, because nothing is timed, and the processes stay off the processor that is measured on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from threading import Event

import numpy as np

from evaluators.cascade import Cascade, CascadeEnded
from evaluators.kernels.bench import Bench, Cast, checking_cpus, open_bench
from evaluators.kernels.build import BuildFailure, build_kernel, check_source
from evaluators.kernels.correctness import Allowance, Answered, Examiner, Question, compare
from evaluators.kernels.equivalence import prove_same
from evaluators.kernels.gate import inspect_library
from evaluators.kernels.session import KernelFailed, KernelWorker
from evaluators.kernels.stages import Job, checked_beside
from nightforge.domain.integrity import Finding
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Phase

_PHASE_WORD = 5
_LONG_CHECKS = 2
"""Untimed distributions of the timed shape that each accepted program meets, as in a search."""
_DEFAULT_STAGE_S = 10.0


class _WatchedExaminer(Examiner):
    """Notes each answer of the candidate that was accepted, and how near it came to the limit."""

    def __init__(self, inner: Examiner) -> None:
        self.__dict__.update(inner.__dict__)
        self.forget()

    def forget(self) -> None:
        self.seen = blake2b(digest_size=16)
        self.share = 0.0

    def judge(self, question: Question, answered: Answered, reference: Answered) -> None:
        super().judge(question, answered, reference)
        for view in self.outputs(question.dims).values():
            self.seen.update(view.tobytes())
        tolerance = self._settings.tolerance
        self.share = max(
            self.share,
            answered.error / self.limit(question, reference.error),
            answered.scatter / tolerance.scatter_limit(reference.scatter),
        )


@dataclass(frozen=True)
class _Opened:
    bench: Bench
    reference: KernelWorker
    examiner: _WatchedExaminer


class KernelChecker:
    """Implements `evaluators.integrity.seams.Checker`."""

    def __init__(
        self,
        sandbox: Sandbox,
        cast: Cast,
        dims: Mapping[str, int],
        wall_s: Mapping[str, float],
        opened: _Opened,
        *,
        seed: int,
        tools: Mapping[str, str],
    ) -> None:
        self._sandbox = sandbox
        self._cast = cast
        self._dims = dict(dims)
        self._wall_s = wall_s
        self._opened = opened
        self._seed = seed
        self._tools = tools

    async def tools(self) -> Mapping[str, str]:
        return self._tools

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        return await self._check(source, self._seed, known=known)

    async def recheck(self, source: str, *, seed: int) -> Finding:
        return await self._check(source, seed, long=False)

    async def _check(self, source: str, seed: int, *, known: Collection[str] = (), long: bool = True) -> Finding:
        cascade = Cascade(Phase.REHEARSAL, seed, {})
        examiner = self._opened.examiner
        examiner.forget()
        library = b""
        ran = False
        try:
            library = await self._build(source, cascade)
            if ran := sha256(library).hexdigest() not in known:
                await asyncio.to_thread(self._run, library, cascade, seed, long)
        except CascadeEnded:
            pass
        evidence = cascade.evidence(self._sandbox.tier)
        last = evidence.stages[-1]
        return Finding(
            built=bool(library) or last.stage not in {"parse", "compile"},
            accepted=ran and evidence.passed,
            stage=last.stage,
            reason=last.reason,
            feedback=last.feedback,
            build=sha256(library).hexdigest() if library else "",
            answers=examiner.seen.hexdigest() if ran and evidence.passed else "",
            share=examiner.share,
            seconds=sum(stage.duration_s for stage in evidence.stages),
        )

    async def prove_equal(self, one: str, other: str) -> str:
        return await prove_same(self._sandbox, self._cast.settings, one, other)

    async def _build(self, source: str, cascade: Cascade) -> bytes:
        symbol, threads = self._cast.settings.symbol, self._cast.settings.threads
        with cascade.stage("parse"):
            if (failure := check_source(source, symbol)) is not None:
                raise KernelFailed(failure.reason, failure.feedback)
        with cascade.stage("compile"):
            wall_s = self._wall_s.get("compile", _DEFAULT_STAGE_S)
            built = await build_kernel(self._sandbox, source, wall_s=wall_s, threads=threads)
            if isinstance(built, BuildFailure):
                raise KernelFailed(built.reason, built.feedback)
        with cascade.stage("gate"):
            problems = await asyncio.to_thread(inspect_library, built.library, symbol, built.forbidden, threads=threads)
            if problems:
                raise KernelFailed("static_gate", "; ".join(problems[:10]))
        return built.library

    def _run(self, library: bytes, cascade: Cascade, seed: int, long: bool) -> None:
        bench, reference = self._opened.bench, self._opened.reference
        bench.cast = replace(self._cast, candidate=library)
        bench.rng = _generator(seed)
        job = Job(bench.cast, self._dims, cascade, self._wall_s, noise=0.0, best_score=None)
        with checked_beside(bench, job, reference) as pair, cascade.stage("long"):
            allowance = Allowance(job.limit_s("correctness"))
            settings = job.settings
            names = [name for name in settings.distributions if name not in settings.timing.distributions]
            for name in names[: _LONG_CHECKS if long else 0]:
                question = bench.examiner.pose(bench.rng, job.dims, name)
                compare(bench.examiner, pair.candidate, pair.reference, question, allowance)


@asynccontextmanager
async def open_kernel_checker(
    sandbox: Sandbox,
    cast: Cast,
    dims: Mapping[str, int],
    wall_s: Mapping[str, float],
    *,
    seed: int,
    tools: Mapping[str, str],
) -> AsyncIterator[KernelChecker]:
    """`tools` go into the report. The reference process and the memory live as long as the checker."""
    held = _hold(sandbox, cast, dims, seed)
    opened = await asyncio.to_thread(held.__enter__)
    try:
        yield KernelChecker(sandbox, cast, dims, wall_s, opened, seed=seed, tools=tools)
    finally:
        await asyncio.to_thread(held.__exit__, None, None, None)


@contextmanager
def _hold(sandbox: Sandbox, cast: Cast, dims: Mapping[str, int], seed: int) -> Iterator[_Opened]:
    settings = cast.settings
    shapes = [*settings.smoke, *settings.correctness, dims]
    with open_bench(sandbox, cast, shapes, [seed, _PHASE_WORD], Event()) as bench:
        bench.cpus = checking_cpus(settings.threads)
        examiner = _WatchedExaminer(bench.examiner)
        bench.examiner = examiner
        with bench.open(bench.reference_program(settings.reference)) as reference:
            yield _Opened(bench, reference, examiner)


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed & (2**64 - 1), _PHASE_WORD])))
