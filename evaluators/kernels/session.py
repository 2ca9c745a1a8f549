"""A kernel loaded in its own process: command, reply, freeze; the clock and every check are on this side."""

from __future__ import annotations

import signal
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evaluators.cascade import CandidateFailed
from evaluators.kernels.buffers import Arena
from evaluators.kernels.spec import Dims, KernelSettings
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox, SandboxSession
from nightforge.domain.words import ClockKind, Outcome
from nightforge.errors import EvaluatorFault, SandboxFault

_START_TIMEOUT_S = 20.0
_REPLY = struct.Struct("<ci")
_LOAD_FAILURE = 93
_PATIENCE = 9.0
_MOST_PATIENCE_S = 30.0
"""A reply is waited for longer than its limit while the machine keeps the process from running: this many times the
limit, and never more than these seconds."""
_LEAST_WAIT_S = 0.02
_THREAD_MIB = 160
"""Addresses of one more thread: its stack, and the 128 MiB that the allocator reserves for it."""
_TRUSTED_PROCESSES = 64
_SIGNALS: Mapping[int, tuple[str, str]] = {
    signal.SIGSEGV: ("crash", "SIGSEGV: it wrote to an input, or reached past a buffer into a guard page"),
    signal.SIGBUS: ("crash", "SIGBUS: it reached outside its buffers"),
    signal.SIGILL: ("crash", "SIGILL: an instruction that this processor lacks"),
    signal.SIGFPE: ("crash", "SIGFPE: integer division by zero or overflow"),
    signal.SIGSYS: ("forbidden_syscall", "SIGSYS: it made a system call that no kernel needs"),
    signal.SIGXCPU: ("timeout", "it used up its CPU time"),
}
_ENDS: Mapping[ExitReason, tuple[str, str]] = {
    ExitReason.WALL_LIMIT: ("timeout", "it ran out of time"),
    ExitReason.CPU_LIMIT: ("timeout", "it used up its CPU time"),
    ExitReason.MEMORY_LIMIT: ("memory_limit", "it took more memory than a kernel may have"),
    ExitReason.OUTPUT_LIMIT: ("output_limit", "it flooded its output"),
    ExitReason.DISK_LIMIT: ("disk_limit", "it filled its disk"),
}


class KernelFailed(CandidateFailed):
    """The kernel's own failure, on its way to becoming evidence; never an error of our side."""


@dataclass(frozen=True)
class Call:
    """One call as seen from outside: CPU time of the whole process, wall time until it was stopped, page faults.

    `queued_ns` is the part of the wall time in which the process could have run and had no processor; `threads` is how
    many the plan declares.
    """

    cpu_ns: int
    wall_ns: int
    faults: int
    queued_ns: int = 0
    threads: int = 1

    @property
    def own_ns(self) -> int:
        """What the call took of its own doing, computing or asleep, however busy the machine is."""
        return max(self.cpu_ns // self.threads, self.wall_ns - self.queued_ns)

    def time_ns(self, clock: ClockKind) -> int:
        """By the wall never less than its threads need for the CPU time: work before the command gains nothing."""
        return max(self.wall_ns, self.cpu_ns // self.threads) if clock is ClockKind.WALL_MS else self.cpu_ns


@dataclass(frozen=True)
class Program:
    """What to start in the box for one participant."""

    name: str
    argv: tuple[str, ...]
    files: Mapping[str, bytes | Path]
    trusted: bool = False
    """Baselines: their failure is ours to mend, not a candidate's."""


class KernelWorker:
    def __init__(
        self, name: str, session: SandboxSession, settings: KernelSettings, arena: Arena, *, trusted: bool = False
    ) -> None:
        self.name = name
        self.trusted = trusted
        self._session = session
        self._settings = settings
        self._arena = arena
        ready = self._receive(1, _START_TIMEOUT_S, cpu_start=0, queued=0)
        if ready != b"R":
            raise self._ended()
        with self._ends_are_its_own():
            session.freeze()

    def call(self, dims: Dims, scalars: Mapping[str, float], *, timeout_s: float) -> Call:
        """Run the kernel once. The time counts until the process is stopped: an early reply gains nothing.

        Raises KernelFailed; for a trusted program EvaluatorFault, because its failure is never the candidate's.
        """
        command = self._command(dims, scalars)
        try:
            with self._ends_are_its_own():
                return self._timed_call(command, timeout_s)
        except KernelFailed as failure:
            if self.trusted:
                raise EvaluatorFault(f"{self.name} failed: {failure}", hint="is the machine overloaded?") from failure
            raise

    @contextmanager
    def _ends_are_its_own(self) -> Iterator[None]:
        """A program that ends between two steps shows as SandboxFault from the step that needed it alive."""
        try:
            yield
        except SandboxFault as fault:
            result = self._session.close()
            if result.reason is ExitReason.SIGNALLED and result.signal == signal.SIGKILL:
                raise  # it lived until we closed it, or somebody else killed it: not its own end
            raise describe_end(result) from fault

    def _timed_call(self, command: bytes, timeout_s: float) -> Call:
        session = self._session
        faults, queued = _page_faults(session.pid), _queued_ns(session.pid)
        cpu_start = session.cpu_time_ns()
        session.thaw()
        wall_start = time.perf_counter_ns()
        session.send(command)
        reply = self._receive(_REPLY.size, timeout_s, cpu_start, queued)
        if len(reply) < _REPLY.size:
            raise self._ended()
        session.freeze()
        wall_ns = time.perf_counter_ns() - wall_start
        cpu_ns = session.cpu_time_ns() - cpu_start
        mark, status = _REPLY.unpack(reply)
        if mark != b"D":
            raise KernelFailed("protocol", "it wrote to the reply channel")
        if status != 0:
            raise KernelFailed("bad_status", f"{self._settings.symbol} returned {status}; 0 means success")
        return Call(
            cpu_ns,
            wall_ns,
            faults=max(0, _page_faults(session.pid) - faults),
            queued_ns=max(0, _queued_ns(session.pid) - queued),
            threads=self._settings.threads,
        )

    def _receive(self, count: int, limit_s: float, cpu_start: int, queued: int) -> bytes:
        """The reply within `limit_s` of the process' own time: computing or asleep, but not waiting for a processor.

        What is late by that clock is the candidate's timeout, on however busy a machine. EvaluatorFault when the
        machine gave it too little of a processor, in ten times the limit or half a minute beyond it, to use it up.
        Threads that stand in each other's way show as CPU time of the process.
        """
        began = time.perf_counter()
        last_s = limit_s + min(_PATIENCE * limit_s, _MOST_PATIENCE_S)
        wait_s = limit_s
        while True:
            try:
                return self._session.receive(count, wait_s)
            except TimeoutError:
                passed_s = time.perf_counter() - began
            computed_s = (self._session.cpu_time_ns() - cpu_start) / 1e9 / self._settings.threads
            own_s = computed_s
            if not _is_runnable(self._session.pid):
                own_s = max(computed_s, passed_s - (_queued_ns(self._session.pid) - queued) / 1e9)
            if own_s >= limit_s:
                raise KernelFailed("timeout", f"no reply within {limit_s:.1f} s of its own time", Outcome.TIMEOUT)
            if passed_s >= last_s:
                raise EvaluatorFault(
                    f"{self.name} waited {passed_s - own_s:.1f} of {passed_s:.1f} s for a processor",
                    hint="the machine is overloaded: end other work, or measure later",
                )
            wait_s = min(max(limit_s - own_s, _LEAST_WAIT_S), max(last_s - passed_s, _LEAST_WAIT_S))

    def _command(self, dims: Dims, scalars: Mapping[str, float]) -> bytes:
        parts = [struct.pack("<I", len(self._settings.arguments))]
        for argument in self._settings.arguments:
            if argument.is_buffer:
                offset = self._arena.offset(argument.name, dims)
                parts.append(struct.pack("<IIQ", 1, self._arena.index(argument.name), offset))
            elif argument.kind == "int64":
                parts.append(struct.pack("<IIq", 0, 0, dims[argument.name]))
            else:
                parts.append(struct.pack("<IId", 2, 0, scalars[argument.name]))
        return b"".join(parts)

    def _ended(self) -> KernelFailed:
        return describe_end(self._session.close())


def describe_end(result: ExecResult) -> KernelFailed:
    """Why the process is gone, as the kernel's failure."""
    stderr = result.stderr.decode("utf-8", "replace")[-1000:]
    if result.reason in _ENDS:
        reason, text = _ENDS[result.reason]
        return KernelFailed(reason, text, Outcome.TIMEOUT if reason == "timeout" else Outcome.FAIL)
    number = result.signal or ((result.exit_code or 0) - 128 if (result.exit_code or 0) > 128 else 0)
    if number:
        reason, text = _SIGNALS.get(number, ("crash", f"killed by signal {number}"))
        return KernelFailed(reason, text)
    if result.exit_code == _LOAD_FAILURE:
        return KernelFailed("does_not_load", stderr.strip())
    return KernelFailed(
        "exited", f"the process ended with status {result.exit_code} before it replied\n{stderr}".strip()
    )


@contextmanager
def open_worker(
    sandbox: Sandbox,
    program: Program,
    settings: KernelSettings,
    arena: Arena,
    *,
    cpus: Sequence[int],
    wall_s: float,
) -> Iterator[KernelWorker]:
    """Start `program`, ready and frozen. A trusted program that cannot start is an EvaluatorFault."""
    threads = settings.threads
    limits = Limits(
        wall_s=wall_s,
        cpu_s=threads * max(10, int(wall_s)),
        memory_bytes=arena.total_bytes + (1024 if program.trusted else 256) * MIB,
        address_space_bytes=None if program.trusted else arena.total_bytes + (1024 + (threads - 1) * _THREAD_MIB) * MIB,
        processes=_TRUSTED_PROCESSES if program.trusted else threads,
        output_bytes=64 * 1024,
    )
    with sandbox.start(
        program.argv, files=program.files, descriptors=arena.descriptors, limits=limits, cpus=cpus
    ) as session:
        try:
            worker = KernelWorker(program.name, session, settings, arena, trusted=program.trusted)
        except KernelFailed as failure:
            if program.trusted:
                raise EvaluatorFault(f"baseline {program.name} does not start: {failure}") from failure
            raise
        yield worker


def kernel_program(
    name: str, worker: bytes, library: bytes, settings: KernelSettings, arena: Arena, *, trusted: bool = False
) -> Program:
    threads = settings.threads
    team = () if threads == 1 else ("/usr/bin/env", *(f"{key}={value}" for key, value in openmp(threads).items()))
    argv = (*team, "/job/worker", "/job/kernel.so", settings.symbol, *((f"t:{threads}",) if team else ()))
    return Program(name, (*argv, *arena.worker_arguments()), {"worker": worker, "kernel.so": library}, trusted)


def openmp(threads: int) -> Mapping[str, str]:
    """What a team is told: its size, which is also the most, and to stay where it is put."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_THREAD_LIMIT": str(threads),
        "OMP_DYNAMIC": "false",
        "OMP_PROC_BIND": "true",
        "OMP_STACKSIZE": "8M",
    }


def _is_runnable(pid: int) -> bool:
    """Computing, or ready to: the time since it last ran is then the machine's, and counted nowhere yet.

    False where the kernel does not count waiting: what is late there is the program's own.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state == "R" and Path(f"/proc/{pid}/schedstat").exists()


def _queued_ns(pid: int) -> int:
    """How long the process' first thread has been ready and not running; 0 where the kernel does not count it."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _page_faults(pid: int) -> int:
    """Minor and major faults of the whole process so far; 0 where the platform does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return int(fields[7]) + int(fields[9])
    except (OSError, IndexError, ValueError):
        return 0
