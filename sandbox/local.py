"""The `unsafe-local` tier: a process group, rlimits and the same supervisor, and nothing else.

It is taken only when a person typed `--unsafe-local`. It holds wall time, CPU time, tree memory, output bytes and
file size, and kills what it can find of the tree. It does not hold: the network, the host's files, other
processes, the number of processes, or the total written to disk.
"""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.ports import SandboxSession
from nightforge.domain.words import SandboxTier
from nightforge.errors import SandboxFault
from sandbox import tree
from sandbox.box import limit_arguments
from sandbox.launch import spawn
from sandbox.session import BoxSession
from sandbox.staging import Staging, collect, stage
from sandbox.streams import Streams
from sandbox.supervise import Stop, Supervisor
from sandbox.threaded import ThreadedSandbox

_log = logging.getLogger(__name__)
_KILL_ROUNDS = 20
_END_DEADLINE_S = 10.0
_TOKEN_VARIABLE = "NIGHTFORGE_RUN"
_SHELL = 'cd "$1" && unset OLDPWD && shift && exec "$@"'


@dataclass(slots=True)
class LocalBox:
    """A started process group. `token` stands in the environment of all that descends from it."""

    outer: int
    outer_handle: int
    folder: int
    token: str
    started: float
    status: int | None = None
    child_cpu_s: float = 0.0
    ended: float | None = None
    killed_for_memory: bool = False
    _closed: bool = field(default=False)

    @property
    def init(self) -> int:
        return self.outer

    @property
    def init_handle(self) -> int:
        return self.outer_handle

    def kill(self) -> None:
        """SIGKILL the group and every straggler that still carries the token."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.outer, signal.SIGKILL)
        for _ in range(_KILL_ROUNDS):
            found = _carriers(self.token)
            if not found:
                return
            for pid in found:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
        _log.warning("processes of an unsafe-local run survived: %s", _carriers(self.token))

    def usage(self, *, exact_above_bytes: int, may_stop: bool = False) -> tree.TreeUsage:
        return tree.measure(self.outer, exact_above_bytes=exact_above_bytes, may_stop=may_stop)

    def is_full(self) -> bool:
        return False

    def reap(self) -> None:
        if self.status is not None:
            return
        poll = select.poll()
        poll.register(self.outer_handle, select.POLLIN)
        if not poll.poll(int(1000 * _END_DEADLINE_S)):
            raise SandboxFault("a process does not die", where=f"pid {self.outer}")
        _, status, resources = os.wait4(self.outer, 0)
        self.status = os.waitstatus_to_exitcode(status)
        self.child_cpu_s = resources.ru_utime + resources.ru_stime
        self.ended = time.monotonic()
        self.kill()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self.outer_handle)
            os.close(self.folder)


def _carriers(token: str) -> list[int]:
    """Live processes with the token in their environment (zombies have none)."""
    wanted = token.encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def _translated(word: str, staging: Staging) -> str:
    """The word with /job and /box replaced by where they really are: this tier mounts nothing."""
    for inside, real in (("/job", staging.job), ("/box", staging.writable)):
        if word == inside:
            return str(real)
        word = word.replace(f"{inside}/", f"{real}/")
    return word


class LocalSandbox(ThreadedSandbox):
    """Implements `nightforge.domain.ports.Sandbox` as far as rlimits go; everything else is accepted unheld."""

    WARNING: ClassVar[str] = (
        "UNSAFE: candidates run as ordinary processes; they can reach the network, this machine's files and other "
        "processes; only time, memory, output and file size are limited"
    )

    def __init__(self, drop_to: int | None = None) -> None:
        super().__init__()
        self._drop_to = drop_to

    @property
    def tier(self) -> SandboxTier:
        return SandboxTier.UNSAFE_LOCAL

    def check(self, argv: Sequence[str], limits: Limits, *, network: bool) -> None:
        if not argv or not all(argv):
            raise SandboxFault("an empty command", where="sandbox", hint="argv needs a program first")

    def run_blocking(
        self,
        argv: Sequence[str],
        files: Mapping[str, bytes | Path],
        stdin: bytes,
        limits: Limits,
        outputs: Sequence[str],
        stop: Stop,
    ) -> ExecResult:
        with stage(files, world_readable=self._drop_to is not None) as staging, ExitStack() as stack:
            streams = Streams(has_stdin=bool(stdin))
            stack.callback(streams.close)
            box = self._open(argv, staging, limits, streams)
            stack.callback(box.close)
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
        with stage(dict(files or {}), world_readable=self._drop_to is not None) as staging, ExitStack() as stack:
            streams = Streams(has_stdin=True)
            stack.callback(streams.close)
            box = self._open(argv, staging, limits, streams, descriptors=descriptors, cpus=cpus)
            stack.callback(box.close)
            session = BoxSession(box, limits, streams)
            stack.callback(session.close)
            yield session

    def _open(
        self,
        argv: Sequence[str],
        staging: Staging,
        limits: Limits,
        streams: Streams,
        *,
        descriptors: Sequence[int] = (),
        cpus: Sequence[int] = (),
    ) -> LocalBox:
        self.check(argv, limits, network=False)
        staging.writable.chmod(0o1777)
        for name, path in staging.binds.items():
            _lay(path, staging.job / name)
        token = f"{_TOKEN_VARIABLE}={staging.root.name}"
        drop = []
        if self._drop_to is not None:
            who = str(self._drop_to)
            drop = ["/usr/bin/setpriv", "--reuid", who, "--regid", who, "--clear-groups", "--no-new-privs", "--"]
        line = [*drop, "/bin/sh", "-c", _SHELL, "sh", str(staging.writable)]
        line += limit_arguments(limits, extra_processes=None)
        line += [_translated(word, staging) for word in argv]
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(staging.writable),
            "TMPDIR": str(staging.writable),
            "LANG": "C.UTF-8",
            _TOKEN_VARIABLE: staging.root.name,
        }
        numbers = dict(enumerate((*streams.inside, *descriptors)))
        folder = os.open(staging.writable, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            pid = spawn(line, environment=environment, descriptors=numbers, cpus=cpus)
        except BaseException:
            os.close(folder)
            raise
        finally:
            streams.close_inside()
        return LocalBox(pid, os.pidfd_open(pid), folder, token, started=time.monotonic())


def _lay(path: Path, target: Path) -> None:
    """Copy what the real tier would mount: a link would let the program write to the original."""
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(path, target)
        target.chmod(0o755)
