"""The user's tree as it goes into a box: read once, links and caches left out, packed with fixed times.

Nothing of the tree is ever written. Files of the tree carry an early time, a candidate's files a later one, and what
a build makes the present: `make` builds anew what changed, and nothing that did not.
"""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

from nightforge.domain.bundle import Bundle, without_own_markers
from nightforge.errors import UserError

LEFT_OUT = (
    *(".git", ".hg", ".svn", "__pycache__", "*.pyc", "*.o", "*.obj", ".venv", "venv", ".env", "node_modules"),
    *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox", ".hypothesis", ".idea", ".vscode", ".DS_Store"),
)
BUILT_HERE = ("CMakeCache.txt", "CACHEDIR.TAG")
"""A folder that has one of these was made by a build or a tool: its paths are those of this machine."""
MOST_BYTES = 256 * 1024 * 1024
MOST_FILES = 20_000
_TREE_TIME, _PROGRAM_TIME = 1_600_000_000, 1_600_003_600


@dataclass(frozen=True)
class Snapshot:
    """`packed` is a tar archive of every file but the evolvable ones."""

    packed: bytes
    digest: str
    files: int
    links: Sequence[str]
    """Left out: they lead out of the tree."""


def read_tree(root: Path, *, but: Sequence[str], ignore: Sequence[str], folder: Path) -> Snapshot:
    """Everything below `root` but the files `but`, what `ignore` names and the task's own `folder`.

    UserError for a tree that is too large to be carried into a box for each candidate.
    """
    archive, digest, links = io.BytesIO(), sha256(), list[str]()
    count = size = 0
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as packed:
        for path in _walk(root, (*LEFT_OUT, *ignore), folder):
            name = path.relative_to(root).as_posix()
            if name in but:
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                links.append(name)
                continue
            content = _content(path)
            count, size = count + 1, size + len(content)
            if size > MOST_BYTES or count > MOST_FILES:
                raise UserError(
                    f"the tree is too large: more than {MOST_BYTES >> 20} MiB or {MOST_FILES} files (at {name})",
                    where=str(root),
                    hint="leave folders out with settings.ignore, give data as settings.mounts",
                )
            is_program = bool(path.stat().st_mode & stat.S_IXUSR)
            _add(packed, name, content, time=_TREE_TIME, is_program=is_program)
            digest.update(f"{name}\0{is_program}\0{len(content)}\0".encode() + content)
    return Snapshot(archive.getvalue(), digest.hexdigest(), count, tuple(links))


def pack(files: Mapping[str, str | bytes]) -> bytes:
    """A candidate's files, newer than the tree's."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as packed:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            _add(packed, name, content, time=_PROGRAM_TIME, is_program=False)
    return archive.getvalue()


def pack_bundle(bundle: Bundle) -> bytes:
    return pack({path: without_own_markers(text) for path, text in bundle.files.items()})


def _walk(root: Path, ignore: Sequence[str], folder: Path) -> Iterator[Path]:
    """Files in a fixed order; a linked folder is not entered."""
    try:
        entries = sorted(root.iterdir())
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(root), hint="mend its rights") from None
    for entry in entries:
        if entry == folder or any(fnmatch(entry.name, pattern) for pattern in ignore):
            continue
        if entry.is_dir() and not entry.is_symlink():
            if not any((entry / name).exists() for name in BUILT_HERE):
                yield from _walk(entry, ignore, folder)
        elif entry.is_file():
            yield entry


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", where=str(path), hint="mend its rights, or settings.ignore"
        ) from None


def _add(packed: tarfile.TarFile, name: str, content: bytes, *, time: int, is_program: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(content), time, 0o755 if is_program else 0o644
    packed.addfile(entry, io.BytesIO(content))
