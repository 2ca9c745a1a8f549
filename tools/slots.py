"""Machine-wide locks: a timed section of one campaign never overlaps that of another, whoever runs it.

A lock is a file in a world-writable folder, held by `flock`: the kernel lets go when the holder dies.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from nightforge.errors import PlatformFault

_POLL_S = 0.02


def default_folder() -> Path:
    """The same folder for every user of the machine (never TMPDIR, which differs per user)."""
    return Path("/tmp/nightforge-slots") if os.name == "posix" else Path(tempfile.gettempdir()) / "nightforge-slots"


def _open(folder: Path, resource: str) -> int:
    """A descriptor of the lock file, whoever made it first; links are never followed."""
    name = "".join(letter if letter.isalnum() else "_" for letter in resource)
    try:
        if not folder.exists():
            folder.mkdir(mode=0o777)
            folder.chmod(0o1777)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise PlatformFault("is not a folder", where=str(folder), hint="remove it; it holds only lock files")
        path = folder / f"{name}.lock"
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
    except FileExistsError:
        return _open(folder, resource)
    except OSError as error:
        raise PlatformFault(
            f"the lock for {resource!r} cannot be opened: {error.strerror}",
            where=str(folder),
            hint="the folder must be writable for every user that measures on this machine",
        ) from error


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
    descriptor = _open(folder or default_folder(), resource)
    try:
        deadline = monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() >= deadline:
                    raise PlatformFault(
                        f"another measurement has held {resource!r} for {timeout_s:.0f} s",
                        where=str(folder or default_folder()),
                        hint="see which process holds the lock with `lsof`",
                    ) from None
                if stop is not None and stop.is_set():
                    raise PlatformFault(f"stopped while it waited for {resource!r}", where="slots") from None
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)
