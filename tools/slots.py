"""Machine-wide locks: a timed section of one campaign never overlaps that of another, whoever runs it; programs that
compile or run beside it share as many slots as there are processors.

A lock is a file in a world-writable folder, held by `flock`: the kernel lets go when the holder dies. Who waits draws
a ticket, a locked file too, so that turns come in the order of asking and a dead waiter keeps nobody waiting.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from secrets import token_hex
from threading import Event

from nightforge.errors import PlatformFault

_POLL_S = 0.02
_HINT = "the folder must be writable for every user that measures on this machine"
_JOURNAL: ContextVar[set[str] | None] = ContextVar("leases", default=None)


def default_folder() -> Path:
    """The same folder for every user of the machine (never TMPDIR, which differs per user)."""
    return Path("/tmp/nightforge-slots") if os.name == "posix" else Path(tempfile.gettempdir()) / "nightforge-slots"


@contextmanager
def journal() -> Iterator[set[str]]:
    """Collects the resources that are held inside, in this task and in threads that it starts."""
    held: set[str] = set()
    token = _JOURNAL.set(held)
    try:
        yield held
    finally:
        _JOURNAL.reset(token)


def _file_name(resource: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in resource)


def _prepare(folder: Path) -> None:
    if not folder.exists():
        with suppress(FileExistsError):
            folder.mkdir(mode=0o777)
            folder.chmod(0o1777)
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise PlatformFault("is not a folder", where=str(folder), hint="remove it; it holds only lock files")


def _open(folder: Path, resource: str) -> int:
    """A descriptor of the lock file, whoever made it first; links are never followed."""
    path = folder / f"{_file_name(resource)}.lock"
    try:
        _prepare(folder)
        try:
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            pass
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            os.fchmod(descriptor, 0o644)
        except FileExistsError:
            return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return descriptor
    except OSError as error:
        raise PlatformFault(
            f"the lock for {resource!r} cannot be opened: {error.strerror}", where=str(folder), hint=_HINT
        ) from error


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


class Ticket:
    """A place in the line for a resource; `close` leaves the line. A ticket whose holder died is passed over."""

    def __init__(self, folder: Path, resource: str) -> None:
        _prepare(folder)
        self._folder, self._queue = folder, f"{_file_name(resource)}.queue."
        # Monotonic time is one clock for all processes of a machine; the rest tells two of one moment apart.
        self.name = f"{self._queue}{time.monotonic_ns():020d}.{token_hex(4)}"
        self._path = folder / self.name
        flags = os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        hidden = folder / f".{self.name}"
        try:
            self._descriptor = os.open(hidden, flags, 0o644)
            os.fchmod(self._descriptor, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(self._path)  # seen only once it is locked
        except OSError as error:
            raise PlatformFault(
                f"no place in the line for {resource!r}: {error.strerror}", where=str(folder), hint=_HINT
            ) from error

    def is_first(self, places: int = 1) -> bool:
        """Fewer than `places` living tickets are older."""
        names = os.listdir(self._folder)  # noqa: PTH208 - looked at every few milliseconds
        older = sorted(name for name in names if name.startswith(self._queue) and name < self.name)
        alive = 0
        for name in older:
            alive += self._is_alive(name)
            if alive >= places:
                return False
        return True

    def _is_alive(self, name: str) -> bool:
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            if _is_locked(descriptor):
                return True
            with suppress(OSError):  # another user's: passed over all the same
                (self._folder / name).unlink()
            return False
        finally:
            os.close(descriptor)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


@contextmanager
def hold(
    resource: str,
    *,
    timeout_s: float = 1800.0,
    stop: Event | None = None,
    folder: Path | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Hold the machine's only slot for `resource` (`cpu`, `gpu:0`); blocks, so call it from a thread.

    `stop` ends the wait early, for a caller who has left.
    """
    place = folder or default_folder()
    descriptor = _open(place, resource)
    try:
        _take_turn(place, resource, descriptor, monotonic() + timeout_s, timeout_s, stop, monotonic)
        leases = _JOURNAL.get()
        if leases is not None:
            leases.add(resource)
        yield
    finally:
        os.close(descriptor)


def _take_turn(
    folder: Path,
    resource: str,
    descriptor: int,
    deadline: float,
    timeout_s: float,
    stop: Event | None,
    monotonic: Callable[[], float],
) -> None:
    ticket = Ticket(folder, resource)
    try:
        while not (ticket.is_first() and not _is_locked(descriptor)):
            if monotonic() >= deadline:
                raise PlatformFault(
                    f"another measurement has held {resource!r} for {timeout_s:.0f} s",
                    where=str(folder),
                    hint="see which process holds the lock with `lsof`",
                )
            if stop is not None and stop.is_set():
                raise PlatformFault(f"stopped while it waited for {resource!r}", where="slots")
            time.sleep(_POLL_S)
    finally:
        ticket.close()


class Pool:
    """`size` slots of one kind (`run`) that all campaigns of the machine share."""

    def __init__(self, kind: str, size: int, *, folder: Path | None = None) -> None:
        if size < 1:
            raise ValueError(f"a pool needs a slot, not {size}")
        self._kind, self._size = kind, size
        self._folder = folder or default_folder()

    def draw(self) -> Ticket:
        return Ticket(self._folder, self._kind)

    def try_take(self, ticket: Ticket) -> int | None:
        """A descriptor that holds a slot until it is closed, or None: not yet this ticket's turn."""
        if not ticket.is_first(self._size):
            return None
        for number in range(self._size):
            descriptor = _open(self._folder, f"{self._kind}.{number}")
            if not _is_locked(descriptor):
                return descriptor
            os.close(descriptor)
        return None
