"""Every input of a comparison, in the C library, in pieces that can be stopped."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from evaluators.accelerators.engine import DIFFERS, Comparison, raise_fault

_PIECE = 1 << 13
"""Steps between two looks at the clock: some tens of milliseconds of a large design."""


def try_all(
    library: ctypes.CDLL, comparison: Comparison, *, is_late: Callable[[], bool], threads: int = 1
) -> int | None:
    """The inputs of a difference as a number whose bit i is input bit i, or None when there is none."""
    verdict = ctypes.c_int(0)
    plan = library.nf_plan(
        *(comparison.gates, len(comparison.gates), comparison.nets, comparison.inputs, len(comparison.inputs)),
        *(comparison.golden, comparison.candidate, len(comparison.golden), ctypes.byref(verdict)),
    )
    raise_fault(verdict.value)
    try:
        return _Pieces(library, plan, is_late).run(threads)
    finally:
        library.nf_free(plan)


class _Pieces:
    """Threads take pieces in turn; the first difference, fault or lateness ends all of them."""

    def __init__(self, library: ctypes.CDLL, plan: int, is_late: Callable[[], bool]) -> None:
        self._library = library
        self._plan = plan
        self._is_late = is_late
        self._steps = int(library.nf_steps(plan))
        self._next = 0
        self._lock = threading.Lock()
        self._found: int | None = None
        self._ended = False

    def run(self, threads: int) -> int | None:
        if threads <= 1 or self._steps <= _PIECE:
            self._work()
        else:
            with ThreadPoolExecutor(threads) as pool:
                for done in [pool.submit(self._work) for _ in range(threads)]:
                    done.result()
        return self._found

    def _work(self) -> None:
        found = ctypes.c_uint64(0)
        while (first := self._take()) is not None:
            last = min(first + _PIECE, self._steps)
            verdict = self._library.nf_check(self._plan, first, last, ctypes.byref(found))
            if verdict == 0:
                continue
            self._ended = True
            raise_fault(verdict)
            if verdict == DIFFERS:
                self._found = int(found.value)

    def _take(self) -> int | None:
        with self._lock:
            if self._ended or self._next >= self._steps:
                return None
            if self._next and self._is_late():
                self._ended = True
                raise TimeoutError
            first, self._next = self._next, self._next + _PIECE
            return first
