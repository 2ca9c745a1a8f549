"""What an evaluation depends on beside the program, as one digest: for `Evaluator.fingerprint`.

Two evaluations with equal fingerprints (and program, tier and seed) ask the same question of the same tools.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from nightforge.domain.base import Scalar
from nightforge.domain.task import Task
from nightforge.errors import UserError

INTEGRITY_FILE = "integrity.json"
"""What `nightforge task check` found, beside the task that it speaks of: no part of the task."""
_LEFT_OUT = frozenset({"__pycache__", ".git", INTEGRITY_FILE})


def fingerprint(task: Task, parameters: Mapping[str, Scalar], *, tools: Mapping[str, str], code: Sequence[Path]) -> str:
    """64 hex digits over the task's folder and settings, the parameters, tools with versions, evaluator's own code.

    `code` are files or folders; byte code in them does not count. Raises UserError when one cannot be read.
    """
    whole = {
        "task": task.model_dump(mode="json"),
        "folder": digest_tree(task.root),
        "parameters": {name: [type(value).__name__, value] for name, value in parameters.items()},
        "tools": dict(tools),
        "code": [digest_tree(path) for path in code],
    }
    return sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def cpu_identity() -> str:
    """Model and instruction sets of the processor: `-march=native` compiles for it. Empty where it cannot be read."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    except OSError:
        return ""
    told = [line for line in first.splitlines() if line.split(":")[0].strip() in {"model name", "flags", "Features"}]
    return sha256("\n".join(told).encode()).hexdigest()


def digest_tree(path: Path) -> str:
    """SHA-256 over names and contents of all files below `path`, or of the file. UserError when one cannot be read."""
    digest = sha256()
    try:
        path.stat()
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            inner = file.relative_to(path)
            if not file.is_file() or _LEFT_OUT & set(inner.parts):
                continue
            content = file.read_bytes()
            digest.update(f"{inner.as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(error.filename or path)) from error
    return digest.hexdigest()
