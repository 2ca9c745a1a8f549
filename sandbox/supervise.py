"""Running a started program to its end: pipes, byte caps, clocks and the memory watchdog, in one thread.

It never waits for the end of a pipe (a program may close its pipes and run on, or leave them to a daemon); it
waits for the tree. The cause of the end is taken from what is counted here, never from the program's word.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from nightforge.domain.limits import ExecResult, ExitReason, Limits
from sandbox.spent import IN_BOXES
from sandbox.streams import Streams
from sandbox.tree import TreeUsage

_CHUNK = 65536
_FIRST_SAMPLE_S = 0.005
_SIGNAL_BASE = 128


class Watched(Protocol):
    """A started tree, whatever holds it."""

    @property
    def outer_handle(self) -> int: ...
    @property
    def started(self) -> float: ...
    @property
    def status(self) -> int | None: ...
    @property
    def child_cpu_s(self) -> float: ...
    @property
    def ended(self) -> float | None: ...
    @property
    def killed_for_memory(self) -> bool:
        """True when the kernel ended a process of the tree for the tree's memory (once reaped)."""
        ...

    def kill(self) -> None: ...
    def usage(self, *, exact_above_bytes: int, may_stop: bool = False) -> TreeUsage: ...
    def is_full(self) -> bool: ...
    def reap(self) -> None: ...


class SessionBox(Watched, Protocol):
    """A tree whose root is one known program."""

    @property
    def init(self) -> int: ...
    @property
    def init_handle(self) -> int: ...


class Stop:
    """A switch that another thread flips to end a supervised run."""

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def set(self) -> None:
        os.eventfd_write(self.descriptor, 1)

    def close(self) -> None:
        os.close(self.descriptor)


@dataclass(slots=True)
class Capture:
    """What is read of the program's streams, together at most `cap_bytes`."""

    cap_bytes: int
    streams: dict[int, bytearray] = field(default_factory=dict)
    seen: int = 0

    def read(self, descriptor: int) -> int | None:
        """Bytes now read; 0 at the end, None when there is nothing yet."""
        try:
            piece = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return None
        room = max(0, self.cap_bytes - self.seen)
        self.streams.setdefault(descriptor, bytearray()).extend(piece[:room])
        self.seen += len(piece)
        return len(piece)

    @property
    def is_over(self) -> bool:
        return self.seen > self.cap_bytes

    def content(self, descriptor: int) -> bytes:
        return bytes(self.streams.get(descriptor, b""))


@dataclass(slots=True)
class Supervisor:
    """Supervises one tree. `run` blocks until everything is dead.

    `readers` are our ends of the pipes to capture; stdin is fed only when there is `stdin` to feed.
    """

    box: Watched
    limits: Limits
    streams: Streams
    readers: Sequence[int]
    stop: Stop
    stdin: bytes = b""
    sample_every_s: float = 0.05
    may_stop: bool = True
    """The tree may be stopped for a moment to be looked at: never where another thread stops and continues it."""
    resting: bool = False
    """True while the program is stopped: nothing changes, and looking disturbs whoever is measured meanwhile."""
    cause: ExitReason | None = None
    stopped: bool = False
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    was_full: bool = False
    capture: Capture = field(init=False)

    def __post_init__(self) -> None:
        self.capture = Capture(self.limits.output_bytes)

    def run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            try:
                self._loop(selector)
            finally:
                if self.box.status is None:
                    self.box.kill()
                    self.box.reap()
        self._note_cpu(self.box.child_cpu_s)
        self._drain()
        self.was_full = self.was_full or self.box.is_full()
        if self.box.killed_for_memory and self.cause is None:
            self.cause = ExitReason.MEMORY_LIMIT
            self.peak_memory_bytes = max(self.peak_memory_bytes, self.limits.memory_bytes)

    def _register(self, selector: selectors.BaseSelector) -> None:
        selector.register(self.box.outer_handle, selectors.EVENT_READ)
        selector.register(self.stop.descriptor, selectors.EVENT_READ)
        for descriptor in self.readers:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        if self.stdin and self.streams.stdin is not None:
            os.set_blocking(self.streams.stdin, False)
            selector.register(self.streams.stdin, selectors.EVENT_WRITE)

    def _loop(self, selector: selectors.BaseSelector) -> None:
        deadline = self.box.started + self.limits.wall_s
        pause = _FIRST_SAMPLE_S
        sample_at = self.box.started + pause
        while True:
            now = time.monotonic()
            if self.cause is None and now >= deadline:
                self._end(ExitReason.WALL_LIMIT)
            if now >= sample_at:
                if not self.resting:
                    self.sample()
                pause = min(self.sample_every_s, pause * 2)
                sample_at = time.monotonic() + pause
            wait = sample_at if self.cause else min(deadline, sample_at)
            for key, _ in selector.select(max(0.0, wait - now)):
                if key.fd == self.box.outer_handle:
                    self.box.reap()
                    return
                self._handle(selector, key.fd)

    def _handle(self, selector: selectors.BaseSelector, descriptor: int) -> None:
        if descriptor == self.stop.descriptor:
            selector.unregister(descriptor)
            self.stopped = True
            self.box.kill()
        elif descriptor == self.streams.stdin:
            self._feed(selector, descriptor)
        else:
            if self.capture.read(descriptor) == 0:
                selector.unregister(descriptor)
            if self.capture.is_over and self.cause is None:
                self._end(ExitReason.OUTPUT_LIMIT)

    def _end(self, cause: ExitReason) -> None:
        self.cause = cause
        self.box.kill()

    def _feed(self, selector: selectors.BaseSelector, descriptor: int) -> None:
        try:
            self.stdin = self.stdin[os.write(descriptor, self.stdin[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.stdin = b""
        if not self.stdin:
            selector.unregister(descriptor)
            self.streams.close_stdin()

    def sample(self) -> None:
        """Look at the counters once; ends a tree that is over a limit. Another thread may call it while `resting`."""
        usage = self.box.usage(exact_above_bytes=self.limits.memory_bytes, may_stop=self.may_stop)
        self._note_cpu(usage.cpu_s)
        self.peak_memory_bytes = max(self.peak_memory_bytes, usage.memory_bytes)
        self.was_full = self.was_full or self.box.is_full()
        if self.cause is not None:
            return
        if usage.memory_bytes > self.limits.memory_bytes:
            self._end(ExitReason.MEMORY_LIMIT)
        elif usage.cpu_s >= self.limits.cpu_s:
            self._end(ExitReason.CPU_LIMIT)

    def _note_cpu(self, cpu_s: float) -> None:
        if cpu_s > self.cpu_s:
            IN_BOXES.add(cpu_s - self.cpu_s)
            self.cpu_s = cpu_s

    def _drain(self) -> None:
        """What the dead tree left in the pipes."""
        for descriptor in self.readers:
            while not self.capture.is_over:
                if not self.capture.read(descriptor):
                    break
        if self.capture.is_over and self.cause is None:
            self.cause = ExitReason.OUTPUT_LIMIT

    def result(self, outputs: dict[str, bytes]) -> ExecResult:
        """The result once `run` is over."""
        status = self.box.status if self.box.status is not None else -signal.SIGKILL
        number = -status if status < 0 else status - _SIGNAL_BASE if status > _SIGNAL_BASE else None
        if number is not None and number not in signal.valid_signals():
            number = None
        reason = self.cause or self._cause_of(status, number, self.cpu_s)
        ended = self.box.ended if self.box.ended is not None else time.monotonic()
        return ExecResult(
            reason=reason,
            exit_code=status if reason is ExitReason.EXITED or number is None else None,
            signal=number,
            stdout=self.capture.content(self.streams.stdout),
            stderr=self.capture.content(self.streams.stderr),
            outputs=outputs,
            wall_s=max(0.0, ended - self.box.started),
            cpu_s=self.cpu_s,
            peak_memory_bytes=self.peak_memory_bytes,
        )

    def _cause_of(self, status: int, number: int | None, cpu_s: float) -> ExitReason:
        # A program can send itself these signals, so the clock has to agree.
        if number in {signal.SIGXCPU, signal.SIGKILL} and cpu_s >= self.limits.cpu_s:
            return ExitReason.CPU_LIMIT
        if number == signal.SIGXFSZ or (status != 0 and self.was_full):
            return ExitReason.DISK_LIMIT
        return ExitReason.EXITED if number is None else ExitReason.SIGNALLED


async def finished(future: asyncio.Future[ExecResult], stop: Stop) -> ExecResult:
    """The result of a supervised run in a thread. On cancellation the tree is dead before this raises."""
    future.add_done_callback(lambda _: stop.close())
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if not future.done():
            stop.set()
        with suppress(Exception):
            await asyncio.shield(future)
        raise
