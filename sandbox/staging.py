"""What goes into a box and what comes out of it: names checked, links never followed, sizes capped."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nightforge.errors import SandboxFault

_STAGING_ROOTS = ("/tmp", "/var/tmp")
_PREFIX = "nightforge-box-"
_SWEEP_AFTER_S = 5.0
"""A folder is made before it is locked; a younger one may be about to be."""


def checked_name(name: str) -> PurePosixPath:
    """A relative path of plain components, or SandboxFault."""
    path = PurePosixPath(name)
    bad = not name or "\0" in name or path.is_absolute() or not path.parts or any(part == ".." for part in path.parts)
    if bad:
        raise SandboxFault(f"{name!r} is no plain relative name", where="sandbox files", hint="use names without ..")
    return path


@dataclass(frozen=True, slots=True)
class Staging:
    """`job` is the folder that appears as /job; `binds` are host paths to mount over names in it; `writable` is
    an empty folder that the box uses as the mount point of its private memory."""

    root: Path
    job: Path
    writable: Path
    binds: Mapping[str, Path]
    lock: int


@contextmanager
def stage(files: Mapping[str, bytes | Path], *, world_readable: bool) -> Iterator[Staging]:
    """Lay the files out below a fresh folder in /tmp, and remove it whatever happens."""
    staging = prepare(files, world_readable=world_readable)
    try:
        yield staging
    finally:
        discard(staging)


def add(staging: Staging, files: Mapping[str, bytes], *, world_readable: bool) -> None:
    """Lay contents out in a folder that was prepared earlier."""
    names = {checked_name(name): content for name, content in files.items()}
    try:
        for name, content in names.items():
            _place(staging.job / name, content)
        if world_readable:
            _open_up(staging.root)
    except OSError as error:
        raise SandboxFault(
            f"cannot stage the files of a run: {error.strerror}", where=str(staging.root), hint="is the disk full?"
        ) from error


def prepare(files: Mapping[str, bytes | Path], *, world_readable: bool) -> Staging:
    names = {checked_name(name): content for name, content in files.items()}
    binds = _binds(names, world_readable)
    root = _fresh_folder()
    staging = Staging(root, root / "job", root / "writable", binds, lock=_locked(root))
    try:
        staging.job.mkdir()
        staging.writable.mkdir()
        for name, content in names.items():
            _place(staging.job / name, content)
        if world_readable:
            _open_up(root)
    except OSError as error:
        discard(staging)
        raise SandboxFault(
            f"cannot stage the files of a run: {error.strerror}", where=str(root), hint="is the disk full?"
        ) from error
    return staging


def _place(target: Path, content: bytes | Path) -> None:
    """The content itself, or an empty place for the host path to be mounted on."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        target.write_bytes(content)
        target.chmod(0o755)
    elif content.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()


def discard(staging: Staging) -> None:
    shutil.rmtree(staging.root, ignore_errors=True)
    os.close(staging.lock)


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock for as long as we live: `sweep` removes what nobody holds."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise
    return number


def sweep() -> int:
    """Remove the staging folders that killed processes of ours left behind; returns how many."""
    removed = 0
    for root in _STAGING_ROOTS:
        for folder in Path(root).glob(f"{_PREFIX}*"):
            removed += _swept(folder)
    return removed


def _swept(folder: Path) -> bool:
    try:
        info = folder.lstat()
        young = time.time() - info.st_mtime < _SWEEP_AFTER_S
        if young or not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
            return False
        lock = _locked(folder)
    except OSError:
        return False
    _end_users_of(folder)
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
    return True


def _end_users_of(folder: Path) -> None:
    """Kill what still has the folder mounted: a box whose supervisor was killed while it was being started."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and folder.name.encode() in (entry / "mountinfo").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)


def _fresh_folder() -> Path:
    failure: OSError | None = None
    for root in _STAGING_ROOTS:
        try:
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        except OSError as error:
            failure = error
    raise SandboxFault(
        f"no folder for staging can be made: {failure}", where=" or ".join(_STAGING_ROOTS), hint="is the disk full?"
    ) from failure


def _binds(names: Mapping[PurePosixPath, bytes | Path], world_readable: bool) -> dict[str, Path]:
    binds: dict[str, Path] = {}
    for name, content in names.items():
        if isinstance(content, bytes):
            continue
        path = content.resolve()
        if world_readable and not others_can_read(path):
            raise SandboxFault(
                "the file must be readable by everyone, because the box runs as another user",
                where=str(path),
                hint="move it out of a private folder, or pass its content",
            )
        binds[str(name)] = path
    return binds


def box_can_read(path: Path) -> bool:
    """Whether a box may be given this: run by root, it becomes another user. False for what is not there."""
    try:
        return os.geteuid() != 0 or others_can_read(path.resolve())
    except SandboxFault:
        return False


def others_can_read(path: Path) -> bool:
    """SandboxFault for what is not there."""
    try:
        mode = path.stat().st_mode
        needed = 0o005 if stat.S_ISDIR(mode) else 0o004
        return mode & needed == needed and all(parent.stat().st_mode & 0o001 for parent in path.parents)
    except OSError as error:
        raise SandboxFault(f"cannot read it: {error.strerror}", where=str(path)) from error


def _open_up(root: Path) -> None:
    root.chmod(0o755)
    for folder, folders, _files in os.walk(root):
        for name in folders:
            (Path(folder) / name).chmod(0o755)


_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def collect(folder: int, names: Sequence[str], *, cap_bytes: int) -> dict[str, bytes]:
    """Read the asked names below a folder descriptor that the candidate wrote.

    Only regular files with one link and at most `cap_bytes` come back; the rest is left out silently, because a
    missing output is the candidate's failure. No component may be a link.
    """
    found: dict[str, bytes] = {}
    for name in names:
        content = _read_output(folder, checked_name(name), cap_bytes)
        if content is not None:
            found[name] = content
    return found


def _read_output(folder: int, name: PurePosixPath, cap_bytes: int) -> bytes | None:
    opened = os.dup(folder)
    try:
        for part in name.parts[:-1]:
            following = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=opened)
            os.close(opened)
            opened = following
        file = os.open(name.name, _FLAGS, dir_fd=opened)
        os.close(opened)
        opened = file
        info = os.fstat(opened)
        if not stat.S_ISREG(info.st_mode) or info.st_nlink != 1 or info.st_size > cap_bytes:
            return None
        with os.fdopen(os.dup(opened), "rb") as reader:
            content = reader.read(cap_bytes + 1)
        return content if len(content) <= cap_bytes else None
    except OSError:
        return None
    finally:
        os.close(opened)
