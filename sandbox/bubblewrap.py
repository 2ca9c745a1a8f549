"""The default tier on Linux: bubblewrap, no root, no daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.ports import SandboxSession
from nightforge.domain.words import SandboxTier
from nightforge.errors import SandboxFault
from sandbox.box import FIRST_PLUMBING, SANDBOX_UID, Box, Boxing, Launcher, open_box
from sandbox.session import BoxSession
from sandbox.staging import collect, stage
from sandbox.streams import Streams
from sandbox.supervise import Stop, Supervisor
from sandbox.threaded import ThreadedSandbox, check_request

_MOST_DESCRIPTORS = FIRST_PLUMBING - 3
_DOCTOR = "run `nightforge doctor`"


def drop_target() -> int | None:
    """The uid to become before bwrap: none for an ordinary user, a dedicated one for root."""
    return SANDBOX_UID if os.geteuid() == 0 else None


class BubblewrapSandbox(ThreadedSandbox):
    """Implements `nightforge.domain.ports.Sandbox`. Make it through `sandbox.open_sandbox`, which probes first."""

    def __init__(self, launcher: Launcher | None = None) -> None:
        super().__init__()
        self._launcher = launcher or Launcher()

    @property
    def tier(self) -> SandboxTier:
        return SandboxTier.BUBBLEWRAP

    def check(self, argv: Sequence[str], limits: Limits, *, network: bool) -> None:
        check_request(self.tier, argv, limits, network=network)

    def run_blocking(
        self,
        argv: Sequence[str],
        files: Mapping[str, bytes | Path],
        stdin: bytes,
        limits: Limits,
        outputs: Sequence[str],
        stop: Stop,
    ) -> ExecResult:
        with stage(files, world_readable=drop_target() is not None) as staging, ExitStack() as stack:
            streams = Streams(has_stdin=bool(stdin))
            stack.callback(streams.close)
            boxing = Boxing(argv, staging, limits, inherited=streams.inside, drop_to=drop_target())
            box = self._open(boxing, streams)
            stack.callback(box.close)
            supervisor = Supervisor(box, limits, streams, (streams.stdout, streams.stderr), stop, stdin=stdin)
            supervisor.run()
            if not box.began and supervisor.cause is None and not supervisor.stopped:
                words = supervisor.capture.content(streams.stderr).decode(errors="replace").strip()
                raise SandboxFault(f"the box could not be built: {words}", where="bubblewrap", hint=_DOCTOR)
            return supervisor.result(collect(box.folder, outputs, cap_bytes=limits.file_bytes))

    def _open(self, boxing: Boxing, streams: Streams) -> Box:
        try:
            return open_box(boxing, self._launcher)
        except SandboxFault as fault:
            words = streams.read_words()
            raise SandboxFault(
                f"{fault.what}: {words}" if words else fault.what, where=fault.where, hint=fault.hint
            ) from fault
        finally:
            streams.close_inside()

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
        with stage(dict(files or {}), world_readable=drop_target() is not None) as staging, ExitStack() as stack:
            streams = Streams(has_stdin=True)
            stack.callback(streams.close)
            boxing = Boxing(
                list(argv),
                staging,
                limits,
                inherited=(*streams.inside, *descriptors),
                as_pid_1=True,
                cpus=cpus,
                drop_to=drop_target(),
            )
            box = self._open(boxing, streams)
            stack.callback(box.close)
            session = BoxSession(box, limits, streams)
            stack.callback(session.close)
            yield session
