"""Trusted tools: compilers' versions, git, apparmor and the like, run for us and not for a candidate.

They get a clean environment (no key, no PYTHONPATH), no stdin by default and a deadline; the whole process group
dies at it. Python programs of ours run isolated (`python -I`), so that no folder of a candidate or a user can
shadow a module.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nightforge.errors import PrerequisiteMissing, SandboxFault

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_VERSION_DEADLINE_S = 10.0

_PACKAGES = {
    "gcc": "gcc libc6-dev",
    "cc": "gcc libc6-dev",
    "bwrap": "bubblewrap",
    "python3": "python3",
    "git": "git",
    "llvm-mca": "llvm",
    "valgrind": "valgrind",
    "iverilog": "iverilog",
    "verilator": "verilator",
    "yosys": "yosys",
    "docker": "docker.io",
    "prlimit": "util-linux",
    "setpriv": "util-linux",
}


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A finished tool. `exit_code` is negative for a signal, as subprocess has it."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


def find_tool(name: str) -> Path | None:
    """The tool's absolute path on the system path; the caller's PATH is not consulted."""
    found = shutil.which(name, path=SYSTEM_PATH)
    return Path(found) if found else None


def require_tool(name: str) -> Path:
    """`find_tool`, or PrerequisiteMissing naming the package."""
    found = find_tool(name)
    if found is None:
        raise PrerequisiteMissing(f"{name} is not installed", where=SYSTEM_PATH, hint=install_hint(name))
    return found


def install_hint(name: str) -> str:
    return f"apt-get install {_PACKAGES.get(name, name)}"


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent", "TMPDIR": "/tmp", **(extra or {})}


def isolated_python() -> Sequence[str]:
    """How a Python program of the platform is started: our interpreter, deaf to environment and folder."""
    return (sys.executable, "-I")


def run_tool(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout_s: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> ToolResult:
    """Run a trusted tool to its end. Raises PrerequisiteMissing when it is not there, SandboxFault at the deadline.

    A non-zero exit is a result.
    """
    program = Path(argv[0]) if "/" in argv[0] else require_tool(argv[0])
    try:
        process = subprocess.Popen(
            [str(program), *argv[1:]],
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd or "/",
            env=clean_environment(environment),
            process_group=0,
        )
    except OSError as error:
        raise PrerequisiteMissing(
            f"cannot start {program}: {error.strerror}", where="tools", hint=install_hint(program.name)
        ) from error
    with process:
        try:
            stdout, stderr = process.communicate(stdin or None, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise SandboxFault(
                f"{program.name} did not end within {timeout_s:g} s", where=str(program), hint="is the machine loaded?"
            ) from error
    return ToolResult(process.returncode, stdout, stderr)


@lru_cache(maxsize=64)
def tool_version(name: str) -> str:
    """The first line of `NAME --version`, or "" when the tool is missing or silent."""
    found = find_tool(name)
    if found is None:
        return ""
    try:
        result = run_tool([str(found), "--version"], timeout_s=_VERSION_DEADLINE_S)
    except (PrerequisiteMissing, SandboxFault):
        return ""
    lines = result.stdout.decode(errors="replace").splitlines()
    return lines[0].strip() if lines else ""
