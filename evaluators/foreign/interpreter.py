"""The Python that runs a peer's evaluator: the user's, made visible in the box, read-only."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from nightforge.errors import PrerequisiteMissing, SandboxFault, UserError
from sandbox.platform import find_tool, install_hint, run_tool

SYSTEM = "/usr/bin/python3"
_SEEN_IN_THE_BOX = (Path("/usr"), Path("/bin"), Path("/lib"))
_DEADLINE_S = 60.0
_ASK = """
import json, os, site, sys, sysconfig
base = os.path.realpath(sys.base_prefix)
packages = [path for path in sys.path if os.path.isdir(path) and path.endswith(("site-packages", "dist-packages"))]
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "program": os.path.realpath(sys.executable),
    "prefix": os.path.realpath(sys.prefix),
    "base": base,
    "packages": [os.path.realpath(path) for path in packages],
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """How a Python is started inside the box, and what of the host has to be there for it."""

    named: str
    """As the user knows it."""
    version: str
    argv: tuple[str, ...]
    packages: tuple[str, ...]
    """Folders of packages, as the box sees them, that the evaluator's path gets."""
    mounts: dict[str, Path]
    """Name below /job → folder of the host."""


def default_python(folder: Path) -> str:
    """The folder's own environment, else the one that is activated, else the system's."""
    active = os.environ.get("VIRTUAL_ENV", "")
    for place in (folder / ".venv", folder / "venv", *([Path(active)] if active else [])):
        if (place / "bin" / "python").exists():
            return str(place / "bin" / "python")
    return SYSTEM


def open_interpreter(python: str) -> Interpreter:
    """Ask it where it lives. PrerequisiteMissing where there is none, UserError where it is no Python from 3.8 on."""
    path = Path(python or SYSTEM).expanduser()
    if path.is_dir():
        path = path / "bin" / "python"
    if not path.exists():
        found = find_tool("python3") if not python else None
        if found is None:
            raise PrerequisiteMissing(
                "there is no such Python", where=str(path), hint=f"name one with --python, or {install_hint('python3')}"
            )
        path = found
    try:
        result = run_tool([str(path.absolute()), "-I", "-c", _ASK], timeout_s=_DEADLINE_S)
        told = json.loads(result.stdout)
        version, base = str(told["version"]), Path(told["base"])
    except (SandboxFault, ValueError, KeyError, TypeError) as error:
        raise UserError("does not answer as a Python", where=str(path), hint="name another with --python") from error
    if tuple(map(int, version.split("."))) < (3, 8):
        raise UserError(f"is Python {version}", where=str(path), hint="the evaluator's runner needs 3.8 or newer")
    return _placed(str(path), version, Path(told["program"]), base, [Path(one) for one in told["packages"]])


def _placed(named: str, version: str, program: Path, base: Path, packages: list[Path]) -> Interpreter:
    """`-S` leaves the base's own packages out, as an environment does; the runner adds those that the user sees."""
    mounts: dict[str, Path] = {}
    if not _is_seen(base):
        mounts["python"] = base
    inside = []
    for folder in packages:
        if _is_seen(folder):
            inside.append(str(folder))
        elif folder.is_relative_to(base):
            inside.append(f"/job/python/{folder.relative_to(base)}")
        else:
            name = f"packages/{len(inside)}"
            mounts[name] = folder
            inside.append(f"/job/{name}")
    start = f"/job/python/{program.relative_to(base)}" if program.is_relative_to(base) and mounts.get("python") else ""
    return Interpreter(named, version, (start or str(program), "-I", "-S"), tuple(inside), mounts)


def _is_seen(path: Path) -> bool:
    return any(path.is_relative_to(one) for one in _SEEN_IN_THE_BOX)
