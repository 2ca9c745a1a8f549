"""The strong tier: a container per program, by a Docker daemon on this machine.

On top of what bubblewrap holds, the kernel itself bounds the memory and the processes of the whole tree.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.ports import SandboxSession
from nightforge.domain.words import SandboxTier
from nightforge.errors import SandboxFault
from sandbox.box import SANDBOX_UID
from sandbox.bubblewrap import check_request
from sandbox.docker_box import Options, Shell, check_limits
from sandbox.docker_engine import Engine, Image
from sandbox.session import BoxSession
from sandbox.staging import Staging, collect, stage
from sandbox.streams import Streams
from sandbox.supervise import Stop, Supervisor, finished

_MOST_AT_ONCE = 64
_MOST_DESCRIPTORS = 97


class DockerSandbox:
    """Implements `nightforge.domain.ports.Sandbox`. Make it through `sandbox.open_sandbox`, which probes first."""

    def __init__(self, image: Image, *, engine: Engine | None = None, gpus: Sequence[str] = ()) -> None:
        self._engine = engine or Engine()
        root = os.geteuid() == 0
        # An ordinary user's own number, so that he may signal and measure what runs.
        uid, gid = (SANDBOX_UID, SANDBOX_UID) if root else (os.geteuid(), os.getegid())
        self._options = Options(image, uid, gid, tuple(gpus))
        self._world_readable = root
        self._threads = ThreadPoolExecutor(max_workers=_MOST_AT_ONCE, thread_name_prefix="sandbox-docker")

    @property
    def tier(self) -> SandboxTier:
        return SandboxTier.DOCKER

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
        _check(argv, limits, network=network)
        stop = Stop()
        future = asyncio.get_running_loop().run_in_executor(
            self._threads, self.run_blocking, list(argv), dict(files or {}), stdin, limits, tuple(outputs), stop
        )
        return await finished(future, stop)

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
        with ExitStack() as stack:
            shell = self._shell(stack, files, limits)
            streams = Streams(has_stdin=bool(stdin))
            stack.callback(streams.close)
            box = shell.open(argv, limits, streams.inside, ())
            stack.callback(box.close)
            streams.close_inside()
            supervisor = Supervisor(box, limits, streams, (streams.stdout, streams.stderr), stop, stdin=stdin)
            supervisor.run()
            return supervisor.result(collect(box.folder, outputs, cap_bytes=limits.file_bytes))

    @contextmanager
    def start(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes | Path] | None = None,
        descriptors: Sequence[int] = (),
        limits: Limits,
        cpus: Sequence[int] = (),
    ) -> Iterator[SandboxSession]:
        _check(argv, limits, network=False)
        if len(descriptors) > _MOST_DESCRIPTORS:
            raise SandboxFault(f"at most {_MOST_DESCRIPTORS} descriptors can be passed", where="sandbox")
        with ExitStack() as stack:
            shell = self._shell(stack, dict(files or {}), limits)
            streams = Streams(has_stdin=True)
            stack.callback(streams.close)
            box = shell.open(list(argv), limits, (*streams.inside, *descriptors), cpus)
            stack.callback(box.close)
            streams.close_inside()
            session = BoxSession(box, limits, streams)
            stack.callback(session.close)
            yield session

    def _shell(self, stack: ExitStack, files: Mapping[str, bytes | Path], limits: Limits) -> Shell:
        staging: Staging = stack.enter_context(stage(files, world_readable=self._world_readable))
        return Shell(self._engine, self._options, limits, staging)


def _check(argv: Sequence[str], limits: Limits, *, network: bool) -> None:
    check_request(argv, limits, network=network)
    check_limits(limits)
