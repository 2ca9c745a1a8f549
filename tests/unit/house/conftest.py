"""What the guards look at: the files of this repository as git would list them."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NOT_OURS = {
    ".git",
    ".venv",
    "__pycache__",
    "build",
    "dist",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
}


def listed_by_git(root: Path) -> Sequence[str] | None:
    """Tracked files and those that could be; None outside a git checkout or without git."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        return None
    return sorted({name for name in done.stdout.decode().split("\0") if name})


def walked(root: Path) -> Sequence[str]:
    names: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(".egg-info")]
        names.extend(str((Path(folder) / name).relative_to(root)) for name in files if not name.endswith(".pyc"))
    return sorted(names)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def files(root: Path) -> Sequence[str]:
    """Paths below the root, with forward slashes."""
    names = listed_by_git(root)
    return [name for name in (walked(root) if names is None else names) if (root / name).is_file()]


@pytest.fixture(scope="session")
def texts(root: Path, files: Sequence[str]) -> Mapping[str, str]:
    """The files that are text."""
    found = {}
    for name in files:
        data = (root / name).read_bytes()
        if b"\0" not in data:
            found[name] = data.decode("utf-8")
    return found


@pytest.fixture(scope="session")
def trees(texts: Mapping[str, str]) -> Mapping[str, ast.Module]:
    """Every Python file, parsed."""
    return {name: ast.parse(text, name) for name, text in texts.items() if name.endswith(".py")}
