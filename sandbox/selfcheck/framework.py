"""How a conformance check is written, registered and run."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nightforge.domain.base import Frozen
from nightforge.domain.limits import ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import SandboxTier
from nightforge.errors import NightforgeError

PYTHON = ("python3", "-I", "-S", "-c")
LIMITS = Limits(wall_s=10.0, cpu_s=10)
_GONE_DEADLINE_S = 5.0


class CheckResult(Frozen):
    name: str
    ok: bool
    detail: str = ""


class Broken(Exception):
    """A promise of the contract that was not kept."""


Body = Callable[[Sandbox], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    strong: bool
    body: Body


CHECKS: list[Check] = []


def check(name: str, *, strong: bool = False) -> Callable[[Body], Body]:
    def register(body: Body) -> Body:
        CHECKS.append(Check(name, strong, body))
        return body

    return register


def all_checks() -> Sequence[Check]:
    return tuple(CHECKS)


async def check_sandbox(sandbox: Sandbox, *, strong: bool | None = None) -> Sequence[CheckResult]:
    """Every check in turn; `strong` defaults to whether the tier claims to hold more than rlimits."""
    if strong is None:
        strong = sandbox.tier is not SandboxTier.UNSAFE_LOCAL
    return [await run_check(check, sandbox) for check in CHECKS if strong or not check.strong]


async def run_check(check: Check, sandbox: Sandbox) -> CheckResult:
    try:
        await check.body(sandbox)
    except (Broken, NightforgeError, TimeoutError, OSError) as error:
        return CheckResult(name=check.name, ok=False, detail=f"{type(error).__name__}: {error}"[:600])
    return CheckResult(name=check.name, ok=True)


def expect(holds: bool, seen: object) -> None:
    if not holds:
        raise Broken(str(seen)[:500])


def expect_reason(result: ExecResult, reason: ExitReason) -> None:
    expect(result.reason is reason and not result.ok, result)


async def gone(marker: str) -> None:
    """Wait until no process of this machine has the marker in its command line."""
    deadline = time.monotonic() + _GONE_DEADLINE_S
    while _running(marker):
        if time.monotonic() > deadline:
            raise Broken(f"processes live on: {_running(marker)}")
        await asyncio.sleep(0.02)


def _running(marker: str) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


async def appeared(marker: str) -> None:
    deadline = time.monotonic() + _GONE_DEADLINE_S
    while not _running(marker):
        if time.monotonic() > deadline:
            raise Broken("the marked process never ran: the check proves nothing")
        await asyncio.sleep(0.01)


def marker() -> str:
    """An argument of sleep(1) that nothing else on this machine has."""
    return f"8{secrets.randbelow(10**8):08d}.{secrets.randbelow(10**6):06d}"


@contextmanager
def host_file(content: bytes, *, mode: int) -> Iterator[Path]:
    """A file of this machine, outside any box."""
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        file.write(content)
        file.flush()
        path = Path(file.name)
        path.chmod(mode)
        yield path


def content_of(path: Path) -> bytes:
    return path.read_bytes()
