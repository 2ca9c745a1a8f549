"""The sandbox, with the machine's slots: all campaigns together compile and run no more programs than it has room for.

Sessions take no slot: they are measured, under the lease that their evaluator holds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.ports import Sandbox, SandboxSession
from nightforge.domain.words import SandboxTier
from tools.slots import Pool

POLL_S = 0.01


class SlottedSandbox:
    """Implements `nightforge.domain.ports.Sandbox` over another one."""

    def __init__(self, sandbox: Sandbox, *, pool: Pool | None = None) -> None:
        self._sandbox = sandbox
        self._pool = pool or Pool("run", max(1, os.cpu_count() or 1))

    @property
    def tier(self) -> SandboxTier:
        return self._sandbox.tier

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
        """As the sandbox beneath; waits for a slot first, in the order of asking over all campaigns."""
        slot = await self._take()
        try:
            return await self._sandbox.run(
                argv, files=files, stdin=stdin, limits=limits, outputs=outputs, network=network
            )
        finally:
            os.close(slot)

    def start(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes | Path] | None = None,
        descriptors: Sequence[int] = (),
        limits: Limits,
        cpus: Sequence[int] = (),
    ) -> AbstractContextManager[SandboxSession]:
        return self._sandbox.start(argv, files=files, descriptors=descriptors, limits=limits, cpus=cpus)

    async def _take(self) -> int:
        ticket = self._pool.draw()
        try:
            while (slot := self._pool.try_take(ticket)) is None:  # noqa: ASYNC110 - another process gives it back
                await asyncio.sleep(POLL_S)
            return slot
        finally:
            ticket.close()
