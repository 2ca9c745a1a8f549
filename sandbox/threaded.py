"""What every tier's `run` begins with: the request is checked, then a thread of the tier's own does the work."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.words import SandboxTier
from nightforge.errors import SandboxFault, SandboxUnavailable
from sandbox.supervise import Stop, finished

_MOST_AT_ONCE = 64
_MOST_PROCESSES = 4096


class ThreadedSandbox(ABC):
    """Implements `run` of `nightforge.domain.ports.Sandbox` over a tier's `run_blocking`."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=_MOST_AT_ONCE, thread_name_prefix=f"sandbox-{self.tier.value}")

    @property
    @abstractmethod
    def tier(self) -> SandboxTier: ...

    @abstractmethod
    def check(self, argv: Sequence[str], limits: Limits, *, network: bool) -> None:
        """Refuse what this tier cannot hold, before anything starts: SandboxUnavailable, SandboxFault."""

    @abstractmethod
    def run_blocking(
        self,
        argv: Sequence[str],
        files: Mapping[str, bytes | Path],
        stdin: bytes,
        limits: Limits,
        outputs: Sequence[str],
        stop: Stop,
    ) -> ExecResult:
        """`run` in the calling thread; `stop` ends it early from another one."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes | Path] | None = None,
        stdin: bytes = b"",
        limits: Limits,
        outputs: Sequence[str] = (),
        network: bool = False,
    ) -> ExecResult:
        self.check(argv, limits, network=network)
        stop = Stop()
        future = asyncio.get_running_loop().run_in_executor(
            self._threads, self.run_blocking, list(argv), dict(files or {}), stdin, limits, tuple(outputs), stop
        )
        return await finished(future, stop)


def check_request(tier: SandboxTier, argv: Sequence[str], limits: Limits, *, network: bool) -> None:
    """What no real tier does: a network, an empty command, more processes than can be watched."""
    if network:
        raise SandboxUnavailable(
            "this tier gives no program a network",
            where=tier.value,
            hint="fetch what the program needs beforehand and pass it in `files`",
        )
    if not argv or not all(argv) or any("\0" in word for word in argv):
        raise SandboxFault("an empty or malformed command", where="sandbox", hint="argv needs a program first")
    if limits.processes > _MOST_PROCESSES:
        raise SandboxUnavailable(f"at most {_MOST_PROCESSES} processes can be watched", where=tier.value)
