"""The strong tier: a container per program, by a Docker daemon on this machine.

On top of what bubblewrap holds, the kernel itself bounds the memory and the processes of the whole tree.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.ports import SandboxSession
from nightforge.domain.words import SandboxTier
from nightforge.errors import SandboxFault
from sandbox.box import SANDBOX_UID
from sandbox.docker_box import Options, Shell, check_limits
from sandbox.docker_engine import Engine, Image
from sandbox.docker_pool import WarmPool
from sandbox.session import BoxSession
from sandbox.staging import add, collect, discard, stage
from sandbox.streams import Streams
from sandbox.supervise import Stop, Supervisor
from sandbox.threaded import ThreadedSandbox, check_request

_MOST_DESCRIPTORS = 97


class DockerSandbox(ThreadedSandbox):
    """Implements `nightforge.domain.ports.Sandbox`. Make it through `sandbox.open_sandbox`, which probes first."""

    def __init__(self, image: Image, *, engine: Engine | None = None, gpus: Sequence[str] = (), warm: int = 0) -> None:
        super().__init__()
        self._engine = engine or Engine()
        root = os.geteuid() == 0
        # An ordinary user's own number, so that he may signal and measure what runs.
        uid, gid = (SANDBOX_UID, SANDBOX_UID) if root else (os.geteuid(), os.getegid())
        self._options = Options(image, uid, gid, tuple(gpus))
        self._world_readable = root
        make = partial(Shell, self._engine, self._options)
        self.warm = warm
        self._warm = WarmPool(make, most=warm, world_readable=root) if warm else None

    @property
    def tier(self) -> SandboxTier:
        return SandboxTier.DOCKER

    @property
    def waiting(self) -> int:
        """How many containers wait now, of the `warm` asked for."""
        return self._warm.waiting if self._warm is not None else 0

    def check(self, argv: Sequence[str], limits: Limits, *, network: bool) -> None:
        check_request(self.tier, argv, limits, network=network)
        check_limits(limits)

    def run_blocking(
        self,
        argv: Sequence[str],
        files: Mapping[str, bytes | Path],
        stdin: bytes,
        limits: Limits,
        outputs: Sequence[str],
        stop: Stop,
    ) -> ExecResult:
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
        self.check(argv, limits, network=False)
        if len(descriptors) > _MOST_DESCRIPTORS:
            raise SandboxFault(f"at most {_MOST_DESCRIPTORS} descriptors can be passed", where="sandbox")
        with ExitStack() as stack:
            if self._warm is not None:
                stack.enter_context(self._warm.measuring())
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
        """A container of its own, made now or waiting. Host paths are mounted, which only a new one can do."""
        contents = {name: content for name, content in files.items() if isinstance(content, bytes)}
        ready = self._warm.take(limits) if self._warm is not None and len(contents) == len(files) else None
        if ready is None:
            staging = stack.enter_context(stage(files, world_readable=self._world_readable))
            return Shell(self._engine, self._options, limits, staging)
        stack.callback(discard, ready.staging)
        try:
            add(ready.staging, contents, world_readable=self._world_readable)
        except BaseException:
            ready.shell.discard()
            raise
        return ready.shell
