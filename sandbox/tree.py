"""What a process tree uses, read from /proc of our own namespace: counters that the tree cannot touch."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """`cpu_s` counts the living and what they have reaped; `memory_bytes` is the resident sum."""

    cpu_s: float
    memory_bytes: int
    processes: int


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - read at every sample, Path costs more than the read
        return file.read(65536)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - as above
        found.extend(int(word) for word in _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def descendants(root: int) -> Iterator[int]:
    """`root` and everything below it. Orphans of a pid namespace hang below its init, so nothing escapes."""
    pending = [root]
    seen: set[int] = set()
    while pending:
        pid = pending.pop()
        if pid in seen:
            continue
        seen.add(pid)
        yield pid
        try:
            pending.extend(_children(pid))
        except (FileNotFoundError, ProcessLookupError):
            continue


def stat_fields(pid: int) -> list[bytes]:
    """Fields 3 (state) and on of /proc/PID/stat; the command name before them may hold anything."""
    content = _read(f"/proc/{pid}/stat")
    return content[content.rindex(b")") + 2 :].split()


_SHARED_ANONYMOUS = b"/dev/zero (deleted)"


def _shared_anonymous(pid: int) -> dict[bytes, int]:
    """Inode → bytes of the process' shared anonymous mappings.

    Their pages stay when MADV_DONTNEED takes them out of the resident size, so the whole mapping counts.
    """
    found: dict[bytes, int] = {}
    try:
        with open(f"/proc/{pid}/maps", "rb") as lines:  # noqa: PTH123 - as above
            for line in lines:
                if _SHARED_ANONYMOUS in line:
                    span, _, _, _, inode, *_ = line.split()
                    low, high = span.split(b"-")
                    found[inode] = found.get(inode, 0) + int(high, 16) - int(low, 16)
    except OSError:
        return found
    return found


def _proportional_bytes(pid: int, resident: int) -> int:
    """Resident bytes with shared pages divided among their users; the plain ones where it may not be read."""
    try:
        content = _read(f"/proc/{pid}/smaps_rollup")
    except PermissionError:
        return resident
    except OSError:
        return 0
    for line in content.splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def measure(root: int, *, exact_above_bytes: int, may_stop: bool = False) -> TreeUsage:
    """Sum over the tree of `root`.

    Shared anonymous mappings count whole, once, on top of what of them is resident. The resident sum counts shared
    pages once per process; only when it exceeds `exact_above_bytes` are the proportional sizes read, which cost
    more; with `may_stop` the tree stands still while they are. Then the sum may be a lower bound that is above it.
    """
    ticks = 0
    resident: dict[int, int] = {}
    shared: dict[bytes, int] = {}
    for pid in descendants(root):
        try:
            fields = stat_fields(pid)
        except (OSError, ValueError):
            continue
        ticks += sum(int(field) for field in fields[11:15])
        resident[pid] = int(fields[21]) * _PAGE_BYTES
        for inode, size in _shared_anonymous(pid).items():
            shared[inode] = max(size, shared.get(inode, 0))
    total = sum(resident.values())
    if total > exact_above_bytes:
        total = _exact(resident, enough_bytes=exact_above_bytes, may_stop=may_stop)
    total += sum(shared.values())
    return TreeUsage(cpu_s=ticks / _TICKS_PER_S, memory_bytes=total, processes=len(resident))


def _exact(resident: dict[int, int], *, enough_bytes: int, may_stop: bool) -> int:
    """The proportional sum; a lower bound of it when that alone is above `enough_bytes`.

    Many processes grow quickly, and reading their proportional sizes takes long.
    """
    largest = max(resident.values())
    if largest > enough_bytes:
        return largest
    with _standing_still(resident if may_stop else ()):
        # Sharers that end between two reads raise the share of the rest, so one sum may be too high.
        return min(sum(_proportional_bytes(pid, size) for pid, size in resident.items()) for _ in range(2))


@contextmanager
def _standing_still(pids: Iterable[int]) -> Iterator[None]:
    """Those of `pids` that run are stopped meanwhile; who was stopped by others stays so."""
    stopped: list[int] = []
    try:
        for pid in pids:
            with suppress(OSError):
                handle = os.pidfd_open(pid)
                try:
                    if stat_fields(pid)[0] in b"RSD":
                        signal.pidfd_send_signal(handle, signal.SIGSTOP)
                        stopped.append(handle)
                        handle = -1
                finally:
                    if handle >= 0:
                        os.close(handle)
        yield
    finally:
        for handle in stopped:
            with suppress(OSError):
                signal.pidfd_send_signal(handle, signal.SIGCONT)
            os.close(handle)


def is_stopped(pid: int) -> bool:
    """True when every living thread of the process is stopped by a signal.

    A first thread that has ended stays listed as a zombie while others run on; it cannot stop, nor do anything.
    """
    try:
        threads = [entry.name for entry in Path(f"/proc/{pid}/task").iterdir()]
        states = []
        for thread in threads:
            content = _read(f"/proc/{pid}/task/{thread}/stat")
            states.append(content[content.rindex(b")") + 2 : content.rindex(b")") + 3])
    except (FileNotFoundError, ProcessLookupError):
        return False
    living = [state for state in states if state not in b"ZX"]
    return bool(living) and all(state in b"Tt" for state in living)
