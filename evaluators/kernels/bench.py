"""An open evaluation: shared memory, workers, and the timed stages on them. Blocking; runs in a measuring thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event

import numpy as np

from evaluators.kernels.buffers import Arena
from evaluators.kernels.correctness import Allowance, Examiner
from evaluators.kernels.relations import Relations
from evaluators.kernels.session import KernelWorker, Program, kernel_program, open_worker
from evaluators.kernels.spec import Dims, Inputs, KernelSettings, Oracle, processors
from evaluators.kernels.timing import Flusher, Participant, Record, race
from evaluators.kernels.toolchain import Recipe
from nightforge.domain.ports import Sandbox
from nightforge.errors import EvaluatorFault

ROOF, CONTROL, CANDIDATE = "roof", "control", "candidate"
_WORKER_WALL_S = 600.0
"""Longer than all stages together let a candidate be; what ends it first is a stage's allowance."""
_TRUSTED_WALL_S = 4 * 3600.0


@dataclass(frozen=True)
class Cast:
    """Everything that may run, built: the candidate's library is absent at calibration."""

    settings: KernelSettings
    inputs: Inputs
    oracle: Oracle
    worker: bytes
    roof: bytes
    recipes: dict[str, Recipe]
    candidate: bytes | None = None
    relations: Relations | None = None

    @property
    def others(self) -> tuple[Recipe, ...]:
        return tuple(recipe for name, recipe in self.recipes.items() if name != self.settings.reference)


class Bench:
    def __init__(
        self,
        sandbox: Sandbox,
        cast: Cast,
        arena: Arena,
        rng: np.random.Generator,
        stop: Event,
        hidden: Sequence[Dims] = (),
    ) -> None:
        self.cast = cast
        self.settings = cast.settings
        self.examiner = Examiner(cast.settings, cast.inputs, cast.oracle, arena, stop, hidden)
        self.rng = rng
        self._sandbox = sandbox
        self.arena = self._arena = arena
        self._flusher = Flusher(cast.settings.timing.flush_bytes)
        self.cpus = measuring_cpus(cast.settings.threads)

    @contextmanager
    def open(self, program: Program) -> Iterator[KernelWorker]:
        wall_s = _TRUSTED_WALL_S if program.trusted else _WORKER_WALL_S
        with open_worker(self._sandbox, program, self.settings, self._arena, cpus=self.cpus, wall_s=wall_s) as worker:
            yield worker

    @contextmanager
    def take_turns(self, program: Program, first: KernelWorker | None = None) -> Iterator[tuple[KernelWorker, ...]]:
        """The processes of one timed kernel, `first` among them when there is one already."""
        with ExitStack() as stack:
            workers = [first] if first is not None else []
            while len(workers) < self.settings.timing.processes:
                workers.append(stack.enter_context(self.open(program)))
            yield tuple(workers)

    def candidate_program(self) -> Program:
        if self.cast.candidate is None:
            raise ValueError("this bench has no candidate")
        return kernel_program(CANDIDATE, self.cast.worker, self.cast.candidate, self.settings, self._arena)

    def reference_program(self, name: str) -> Program:
        return self.cast.recipes[self.settings.reference].start(name, self.settings, self._arena)

    @contextmanager
    def opponents(
        self, others: Sequence[Recipe], *, every: int | None = None, absent: dict[str, str] | None = None
    ) -> Iterator[list[Participant]]:
        """Control (the reference in processes of its own), roof and the other baselines, ready.

        Those that do not start (a package that is installed in part) are left out and noted in `absent`, with what
        they said; without it that is an EvaluatorFault.
        """
        with ExitStack() as stack:
            found = [Participant(stack.enter_context(self.take_turns(self.reference_program(CONTROL))))]
            roof = kernel_program(ROOF, self.cast.worker, self.cast.roof, self.settings, self._arena, trusted=True)
            found.append(Participant((stack.enter_context(self.open(roof)),), every=every or 3))
            for recipe in others:
                program = recipe.start(recipe.baseline.name, self.settings, self._arena)
                try:
                    worker = stack.enter_context(self.open(program))
                except EvaluatorFault as fault:
                    if absent is None:
                        raise
                    absent[recipe.baseline.name] = f"it does not start: {str(fault).strip().splitlines()[-1][:200]}"
                    continue
                found.append(Participant((worker,), every=every or recipe.baseline.every))
            yield found

    def untimed(self) -> list[str]:
        """The distributions that are never timed, in an order of chance."""
        names = [name for name in self.settings.distributions if name not in self.settings.timing.distributions]
        return [names[int(place)] for place in self.rng.permutation(len(names))]

    def race(
        self,
        participants: Sequence[Participant],
        dims: Dims,
        rounds: int,
        allowance: Allowance | None = None,
        strays: Sequence[str] = (),
    ) -> Record:
        return race(
            self.examiner,
            participants,
            self.settings.reference,
            dims,
            self.settings.timing.distributions,
            rounds=rounds,
            clock=self.settings.clock,
            rng=self.rng,
            flusher=self._flusher,
            allowance=allowance,
            strays=strays,
        )


@contextmanager
def open_bench(
    sandbox: Sandbox,
    cast: Cast,
    shapes: Sequence[Dims],
    seed: Sequence[int],
    stop: Event,
    hidden: Sequence[Dims] = (),
) -> Iterator[Bench]:
    """`seed` words go into one generator: the same words give the same data. `hidden` shapes are named nowhere."""
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence([word & (2**64 - 1) for word in seed])))
    arena = Arena(cast.settings, [*shapes, *hidden], rng)
    try:
        yield Bench(sandbox, cast, arena, rng, stop, hidden)
    finally:
        arena.close()


def measuring_cpus(threads: int) -> tuple[int, ...]:
    """The last processors that we may use, one for each thread: interrupts and other work favour the first."""
    return processors()[-threads:]


def checking_cpus(threads: int) -> tuple[int, ...]:
    """Where programs run that are not timed: away from the measuring ones, where there are others."""
    return processors()[:threads]
