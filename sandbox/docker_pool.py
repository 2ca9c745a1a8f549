"""Containers made ahead of need. Each is used by one program, as every container is: what is warm was never used.

A start costs the daemon some 70 ms; handing a program to a container that waits costs 10. The next one is made behind
the back of the program that took the last, but never while a session is open, because sessions are measured.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from nightforge.domain.limits import Limits
from nightforge.errors import SandboxFault
from sandbox.docker_box import Shell
from sandbox.staging import Staging, discard, prepare

_MEASURED_WAIT_S = 600.0


def key_of(limits: Limits) -> tuple[int, ...]:
    """The limits that are fixed when a container is made; the others are handed over with the program."""
    return (limits.memory_bytes, limits.processes, limits.writable_bytes, limits.writable_inodes)


@dataclass
class Ready:
    """A container that waits, and the folder that will be its /job."""

    key: tuple[int, ...]
    shell: Shell
    staging: Staging

    def drop(self) -> None:
        self.shell.discard()
        discard(self.staging)


@dataclass
class _State:
    """Apart from the pool, so that its finalizer holds no reference to it."""

    lock: threading.Condition = field(default_factory=threading.Condition)
    ready: list[Ready] = field(default_factory=list)
    wanted: int = 0
    sessions: int = 0
    closed: bool = False

    @property
    def may_make(self) -> bool:
        return not self.closed and self.sessions == 0


class WarmPool:
    """At most `most` containers wait, of the kinds last asked for. Ends with its owner or with the process."""

    def __init__(self, make: Callable[[Limits, Staging], Shell], *, most: int, world_readable: bool) -> None:
        self._make = make
        self._most = most
        self._world_readable = world_readable
        self._state = _State()
        self._maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-warm")
        self.close = weakref.finalize(self, _close, self._state, self._maker)

    @property
    def waiting(self) -> int:
        with self._state.lock:
            return len(self._state.ready)

    def take(self, limits: Limits) -> Ready | None:
        """One that fits, or None; either way the next is ordered."""
        key = key_of(limits)
        found: Ready | None = None
        with self._state.lock:
            fitting = [one for one in self._state.ready if one.key == key]
            for one in fitting:
                self._state.ready.remove(one)
                if one.shell.alive:
                    found = one
                    break
                one.drop()
        self._order(limits)
        return found

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """A session is open: nothing is made meanwhile."""
        with self._state.lock:
            self._state.sessions += 1
        try:
            yield
        finally:
            with self._state.lock:
                self._state.sessions -= 1
                self._state.lock.notify_all()

    def _order(self, limits: Limits) -> None:
        state = self._state
        with state.lock:
            if state.closed or state.wanted >= self._most:
                return
            state.wanted += 1
        with suppress(RuntimeError):  # the interpreter is ending
            self._maker.submit(_fill, state, self._make, limits, self._most, self._world_readable)


def _fill(
    state: _State, make: Callable[[Limits, Staging], Shell], limits: Limits, most: int, world_readable: bool
) -> None:
    with state.lock:
        state.lock.wait_for(lambda: state.closed or state.may_make, timeout=_MEASURED_WAIT_S)
        state.wanted -= 1
        if not state.may_make:
            return
    staging = prepare({}, world_readable=world_readable)
    try:
        made = Ready(key_of(limits), make(limits, staging), staging)
    except BaseException as error:
        discard(staging)
        if isinstance(error, SandboxFault):
            return  # the next program starts one of its own and says what is wrong
        raise
    with state.lock:
        state.ready.append(made)
        late = state.ready[:] if state.closed else state.ready[:-most]
        state.ready = [one for one in state.ready if one not in late]
    for one in late:
        one.drop()


def _close(state: _State, maker: ThreadPoolExecutor) -> None:
    with state.lock:
        state.closed = True
        left, state.ready = state.ready, []
        state.lock.notify_all()
    maker.shutdown(wait=True, cancel_futures=True)
    for one in left:
        one.drop()
