"""Starting a child with exact descriptors, without `preexec_fn` (unsafe beside threads) and without `fork`.

`posix_spawn` gives a vfork-like start whatever the size of our process. All children are started by one thread
that lives as long as we do, because bwrap's --die-with-parent is bound to the *thread* that started it.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from nightforge.errors import SandboxFault

T = TypeVar("T")

_SAFE_ABOVE = 200
"""Sources are first duplicated above every number that a plan targets, so that no dup2 overwrites a later source."""


@cache
def _spawner() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-spawner")


def _in_spawner(work: Callable[[], T]) -> T:
    return _spawner().submit(work).result()


def spawn(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    descriptors: Mapping[int, int],
    cpus: Sequence[int] = (),
    new_session: bool = True,
) -> int:
    """Start `argv` (argv[0] an absolute path) and return its pid; the caller reaps it.

    `descriptors` maps the number in the child to ours; every other descriptor is closed. Raises SandboxFault.
    """

    def work() -> int:
        before = os.sched_getaffinity(0) if cpus else None
        duplicates: dict[int, int] = {}
        try:
            for target, source in descriptors.items():
                duplicates[target] = fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, _SAFE_ABOVE)
            if cpus:
                os.sched_setaffinity(0, cpus)
            closed = [(os.POSIX_SPAWN_CLOSE, number) for number in _inheritable() if number not in descriptors]
            opened = [(os.POSIX_SPAWN_DUP2, source, target) for target, source in duplicates.items()]
            return os.posix_spawn(
                argv[0],
                list(argv),
                dict(environment),
                file_actions=[*closed, *opened],
                setsid=new_session,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
            )
        finally:
            if before is not None:
                os.sched_setaffinity(0, before)
            for number in duplicates.values():
                os.close(number)

    try:
        return _in_spawner(work)
    except OSError as error:
        raise SandboxFault(
            f"cannot start {Path(argv[0]).name}: {error.strerror}", where="sandbox", hint="run `nightforge doctor`"
        ) from error


def _inheritable() -> list[int]:
    """Descriptors that some library opened without close-on-exec."""
    found: list[int] = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - a few µs per start count here
        number = int(name)
        try:
            if os.get_inheritable(number):
                found.append(number)
        except OSError:
            continue
    return found


def memory_file(content: bytes, name: str) -> int:
    """A descriptor that reads `content` from its start."""
    number = os.memfd_create(name, os.MFD_CLOEXEC)
    view = memoryview(content)
    while view:
        view = view[os.write(number, view) :]
    os.lseek(number, 0, os.SEEK_SET)
    return number
