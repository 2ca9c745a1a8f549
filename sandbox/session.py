"""A running box that answers commands. Blocking, for a measuring thread; a second thread keeps the limits."""

from __future__ import annotations

import os
import select
import signal
import threading
import time

from nightforge.domain.limits import ExecResult, Limits
from nightforge.errors import SandboxFault
from sandbox.streams import Streams
from sandbox.supervise import SessionBox, Stop, Supervisor
from sandbox.tree import is_stopped

_FREEZE_DEADLINE_S = 5.0
_SAMPLE_EVERY_S = 0.1
_POLL_MS = 1000
_LAST_WORDS_S = 0.25
"""A program whose output ended is dying: how it died is known only a little later, once its last thread is gone."""


def process_clock_id(pid: int) -> int:
    """The kernel's id of another process' CPU clock (CPUCLOCK_SCHED, all threads), as clock_getcpuclockid makes it."""
    return (~pid << 3) | 2


class BoxSession:
    """Implements `nightforge.domain.ports.SandboxSession` on a box started with --as-pid-1."""

    def __init__(self, box: SessionBox, limits: Limits, streams: Streams) -> None:
        self._box = box
        self._streams = streams
        self._stop = Stop()
        self._clock = process_clock_id(box.init)
        self._supervisor = Supervisor(
            box, limits, streams, (streams.stderr,), self._stop, sample_every_s=_SAMPLE_EVERY_S, may_stop=False
        )
        self._fault: BaseException | None = None
        self._result: ExecResult | None = None
        self._at_end = False
        self._thread = threading.Thread(target=self._watch, name="sandbox-session", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        try:
            self._supervisor.run()
        except BaseException as error:
            self._fault = error

    @property
    def pid(self) -> int:
        return self._box.init

    def send(self, data: bytes) -> None:
        """Write a whole command; a program that has ended is left to `receive` to notice."""
        if self._streams.stdin is None:
            raise SandboxFault("the session is closed", where="sandbox session")
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._streams.stdin, view) :]
        except BrokenPipeError:
            return

    def receive(self, count: int, timeout_s: float) -> bytes:
        if self._result is not None:
            raise SandboxFault("the session is closed", where="sandbox session")
        deadline = time.monotonic() + timeout_s
        content = bytearray()
        poll = select.poll()
        poll.register(self._streams.stdout, select.POLLIN)
        while len(content) < count:
            left_ms = 1000 * (deadline - time.monotonic())
            if left_ms <= 0:
                raise TimeoutError(f"{len(content)} of {count} bytes came within {timeout_s:g} s")
            if not poll.poll(min(left_ms, _POLL_MS)):
                if not self._thread.is_alive() and not poll.poll(0):
                    break
                continue
            piece = os.read(self._streams.stdout, count - len(content))
            if not piece:
                self._at_end = True
                break
            content += piece
        return bytes(content)

    def cpu_time_ns(self) -> int:
        try:
            return time.clock_gettime_ns(self._clock)
        except OSError as error:
            raise SandboxFault(f"the program's clock cannot be read: {error.strerror}", where="sandbox session") from (
                error
            )

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)
        deadline = time.monotonic() + _FREEZE_DEADLINE_S
        while not is_stopped(self._box.init):
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise SandboxFault("the program could not be stopped", where="sandbox session")
            time.sleep(0.00005)
        self._supervisor.resting = True

    def thaw(self) -> None:
        """Let it run on. What it took up to the freeze is looked at now: it may have grown between two samples."""
        if self._supervisor.resting and self._thread.is_alive():
            self._supervisor.sample()
        self._supervisor.resting = False
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        try:
            signal.pidfd_send_signal(self._box.init_handle, number)
        except ProcessLookupError as error:
            raise SandboxFault("the program has ended", where="sandbox session") from error

    def close(self) -> ExecResult:
        if self._result is None:
            if self._at_end:
                self._thread.join(_LAST_WORDS_S)
            self._stop.set()
            self._thread.join()
            self._stop.close()
            if self._fault is not None:
                raise SandboxFault(f"a session could not be ended: {self._fault}", where="sandbox") from self._fault
            self._streams.close_stdin()
            self._result = self._supervisor.result({})
        return self._result
