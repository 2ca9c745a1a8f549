"""The seed of the hidden instances: drawn at the first use on this machine, kept outside the repository."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from nightforge.errors import EvaluatorFault
from nightforge.settings import load_settings


def hidden_seed(task_name: str) -> int:
    """Raises EvaluatorFault where the home cannot be written."""
    path = _folder() / f"{task_name}.seed"
    try:
        return _kept(path) if path.exists() else _drawn(path)
    except (OSError, ValueError) as error:
        raise EvaluatorFault(f"the hidden seed cannot be kept: {error}", where=str(path)) from error


def hidden_references_file(task_name: str) -> Path:
    """Beside the seed; written by evaluators/schedulers/references.py only."""
    return _folder() / f"{task_name}.references.json"


def _folder() -> Path:
    return load_settings().settings.home / "hidden"


def _kept(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


def _drawn(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept(path)
    with os.fdopen(handle, "w") as file:
        file.write(str(seed := secrets.randbits(63)))
    return seed
