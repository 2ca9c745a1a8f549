"""One live bubblewrap box: how it is put together, watched and torn down.

Two nested user namespaces. In the outer one a shell mounts one tmpfs with a byte *and* an inode cap (bwrap's own
--tmpfs has no inode cap: 200,000 files took 2.6 s), then becomes bwrap, which makes the sandbox proper and binds
three folders of that tmpfs to /box, /tmp and /dev/shm. The outer one is made by unshare(1), or, where AppArmor
gives user namespaces to bwrap alone, by another bwrap (1 to 3 ms dearer).

The program waits at bwrap's --block-fd until we hold a pidfd of the box's init and a descriptor of the tmpfs:
what it wrote can be read after everything in the box is dead. That pipe is open for writing on bwrap's side, too:
should we be killed before the word is given, bwrap waits for ever instead of taking the end of the pipe for a yes,
and `sandbox.staging.sweep` ends it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from nightforge.domain.limits import Limits
from nightforge.errors import SandboxFault
from sandbox import seccomp, tree
from sandbox.launch import memory_file, spawn
from sandbox.staging import Staging

_log = logging.getLogger(__name__)

CLEAN_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}
"""Environment of bwrap itself: /proc/1/environ of a box shows it, whatever --clearenv does."""

SANDBOX_UID = 60733
"""The user that a platform run by root becomes before bwrap; no account uses it (unassigned by systemd, Debian)."""

INSIDE_UID = 65534
STACK_BYTES = 64 * 1024 * 1024
_START_DEADLINE_S = 20.0
_END_DEADLINE_S = 10.0
_RESERVED_INODES = 4
_PLUMBING = ("arguments", "filter", "info", "block")
FIRST_PLUMBING = 100
"""Numbers of our own descriptors in bwrap, above all that a program may be given."""
_GO = b"go"
_GO_WAITING = struct.pack("=i", len(_GO))

# CAP_SYS_ADMIN mounts the tmpfs; CAP_SETFCAP is what the kernel asks of one who maps uid 0 on (since 5.12).
_OUTER_CAPABILITIES = (
    *("--unshare-user", "--uid", "0", "--gid", "0"),
    *("--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETFCAP"),
)
_ISOLATION = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"),
    *("--cap-drop", "ALL", "--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID), "--hostname", "box"),
)
_INSIDE_ENVIRONMENT = (
    *("--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/box"),
    *("--setenv", "TMPDIR", "/tmp", "--setenv", "LANG", "C.UTF-8"),
)
# The shell's own variables would tell /proc/1/environ of the box where it was started.
_SHELL = (
    'cd / && unset OLDPWD PWD && mount -i -n -t tmpfs -o "$1" nightforge "$2" '
    '&& mkdir -m 1777 "$2/box" "$2/tmp" "$2/shm" && shift 2 && exec "$@"'
)


class OuterStage(StrEnum):
    """What makes the outer namespace."""

    UNSHARE = "unshare"
    BWRAP = "bwrap"


@dataclass(frozen=True, slots=True)
class Launcher:
    """The programs that a box is started with."""

    bwrap: str = "/usr/bin/bwrap"
    outer: OuterStage = OuterStage.UNSHARE

    def outer_arguments(self) -> list[str]:
        if self.outer is OuterStage.UNSHARE:
            return ["/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--"]
        return [self.bwrap, *_OUTER_CAPABILITIES, "--die-with-parent", "--dev-bind", "/", "/", "--"]


@dataclass(frozen=True, slots=True)
class Boxing:
    """What to start. `inherited` are our descriptors for 0, 1, 2, 3 … in the program."""

    argv: Sequence[str]
    staging: Staging
    limits: Limits
    inherited: Sequence[int]
    as_pid_1: bool = False
    cpus: Sequence[int] = ()
    drop_to: int | None = None


@dataclass(slots=True)
class Box:
    """A started box. `init` is the pid (ours) of pid 1 inside; with `as_pid_1` that is the program itself."""

    outer: int
    init: int
    init_handle: int
    outer_handle: int
    folder: int
    gate: int
    started: float
    status: int | None = None
    child_cpu_s: float = 0.0
    ended: float | None = None
    killed_for_memory: bool = False
    _closed: bool = field(default=False)

    def kill(self) -> None:
        """SIGKILL pid 1 inside, and with it everything in the box."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.init_handle, signal.SIGKILL)

    def usage(self, *, exact_above_bytes: int, may_stop: bool = False) -> tree.TreeUsage:
        """Counters of the tree; memory includes what lies in the box's tmpfs."""
        found = tree.measure(self.init, exact_above_bytes=exact_above_bytes, may_stop=may_stop)
        blocks = os.fstatvfs(self.folder)
        written = (blocks.f_blocks - blocks.f_bfree) * blocks.f_frsize
        return tree.TreeUsage(found.cpu_s, found.memory_bytes + written, found.processes)

    @property
    def began(self) -> bool:
        """True once bwrap has taken our word to go on, which it does when the box stands."""
        return fcntl.ioctl(self.gate, termios.FIONREAD, bytes(4)) != _GO_WAITING

    def is_full(self) -> bool:
        """True when the private memory has no byte or no inode left."""
        blocks = os.fstatvfs(self.folder)
        return blocks.f_bfree == 0 or blocks.f_ffree == 0

    def reap(self) -> None:
        """Wait until the whole tree is dead. Idempotent. Raises SandboxFault when it will not die."""
        if self.status is not None:
            return
        deadline = time.monotonic() + _END_DEADLINE_S
        if not _wait_readable(self.outer_handle, deadline):
            self.kill()
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.outer_handle, signal.SIGKILL)
            if not _wait_readable(self.outer_handle, time.monotonic() + _END_DEADLINE_S):
                raise SandboxFault("a sandboxed process tree does not die", where=f"pid {self.init}")
        _, status, resources = os.wait4(self.outer, 0)
        self.status = os.waitstatus_to_exitcode(status)
        self.child_cpu_s = resources.ru_utime + resources.ru_stime
        self.ended = time.monotonic()
        if not _wait_readable(self.init_handle, time.monotonic() + _END_DEADLINE_S):
            raise SandboxFault("a sandboxed process tree does not die", where=f"pid {self.init}")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for number in (self.init_handle, self.outer_handle, self.folder, self.gate):
            os.close(number)


def _wait_readable(descriptor: int, deadline: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, int(1000 * (deadline - time.monotonic())))))


def inner_arguments(staging: Staging, *, as_pid_1: bool) -> list[str]:
    """Arguments of the sandbox proper; passed by --args, because argv of pid 1 is readable inside."""
    writable = staging.writable
    arguments = [*_ISOLATION, *_INSIDE_ENVIRONMENT, "--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib64", "lib32"):
        arguments += _system_folder(name)
    for name in ("/etc/ld.so.cache", "/etc/alternatives"):
        arguments += ["--ro-bind-try", name, name]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    arguments += ["--bind", str(writable / "shm"), "/dev/shm", "--remount-ro", "/dev"]
    arguments += ["--bind", str(writable / "tmp"), "/tmp", "--bind", str(writable / "box"), "/box"]
    arguments += ["--ro-bind", str(staging.job), "/job"]
    for name, path in staging.binds.items():
        arguments += ["--ro-bind", str(path), f"/job/{name}"]
    arguments += ["--chdir", "/box", "--remount-ro", "/"]
    if as_pid_1:
        arguments.append("--as-pid-1")
    return arguments


def _system_folder(name: str) -> list[str]:
    path = Path("/") / name
    if path.is_symlink():
        return ["--symlink", str(path.readlink()).lstrip("/"), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.is_dir() else []


def limit_arguments(limits: Limits, *, extra_processes: int | None) -> list[str]:
    """A prlimit(1) call to stand before a command.

    RLIMIT_NPROC set inside a user namespace counts this box alone; outside of one it would count all of the
    user's processes, so `extra_processes=None` leaves it out.
    """
    # The watchdog ends the tree at cpu_s; this is for one process, should the watchdog be late. The kernel counts
    # ticks for it and was seen to run 10 % fast.
    backstop_s = limits.cpu_s + limits.cpu_s // 4 + 1
    arguments = [
        "prlimit",
        "--core=0:0",
        f"--cpu={backstop_s}:{backstop_s + 1}",
        f"--fsize={limits.file_bytes}:{limits.file_bytes}",
        f"--nofile={limits.open_files}:{limits.open_files}",
        f"--stack={STACK_BYTES}:{STACK_BYTES}",
    ]
    if extra_processes is not None:
        most = limits.processes + extra_processes
        arguments.append(f"--nproc={most}:{most}")
    if limits.address_space_bytes is not None:
        arguments.append(f"--as={limits.address_space_bytes}:{limits.address_space_bytes}")
    return [*arguments, "--"]


def command_line(boxing: Boxing, launcher: Launcher, numbers: Mapping[str, int]) -> list[str]:
    """The whole argv, from dropping root to the program."""
    limits = boxing.limits
    drop: list[str] = []
    if boxing.drop_to is not None:
        who = str(boxing.drop_to)
        drop = ["/usr/bin/setpriv", "--reuid", who, "--regid", who, "--clear-groups", "--inh-caps=-all"]
        drop += ["--pdeathsig", "KILL", "--"]
    outer = [*launcher.outer_arguments(), "/bin/sh", "-c", _SHELL, "sh"]
    options = f"size={limits.writable_bytes},nr_inodes={limits.writable_inodes + _RESERVED_INODES},mode=755"
    # The limits hold for bwrap, too: its init is process 1 of the box, under the program's user, so that the program
    # can write its /proc/1/mem and have its way there. Here bwrap's process outside of the box counts as well.
    inner = limit_arguments(limits, extra_processes=1 if boxing.as_pid_1 else 2)
    inner += [launcher.bwrap, "--args", str(numbers["arguments"]), "--seccomp", str(numbers["filter"])]
    inner += ["--info-fd", str(numbers["info"]), "--block-fd", str(numbers["block"]), "--"]
    # Outside --as-pid-1 bwrap's own init lives in the box and counts as one process.
    program = [*limit_arguments(limits, extra_processes=0 if boxing.as_pid_1 else 1), *boxing.argv]
    return [*drop, *outer, options, str(boxing.staging.writable), *inner, *program]


def open_box(boxing: Boxing, launcher: Launcher) -> Box:
    """Start the box and let the program run. Raises SandboxFault with bwrap's own words when it cannot."""
    numbers = {name: FIRST_PLUMBING + index for index, name in enumerate(_PLUMBING)}
    arguments = "\0".join(inner_arguments(boxing.staging, as_pid_1=boxing.as_pid_1)).encode()
    own: list[int] = []
    try:
        own.append(memory_file(arguments, "arguments"))
        own.append(memory_file(seccomp.default_filter(), "filter"))
        info_reader, info_writer = os.pipe()
        own += [info_reader, info_writer]
        gate = _gate()
        own.append(gate)
        inside = {"arguments": own[0], "filter": own[1], "info": info_writer, "block": gate}
        descriptors = dict(enumerate(boxing.inherited)) | {numbers[name]: inside[name] for name in _PLUMBING}
        line = command_line(boxing, launcher, numbers)
        outer = spawn(line, environment=CLEAN_ENVIRONMENT, descriptors=descriptors, cpus=boxing.cpus)
        os.close(info_writer)
        own.remove(info_writer)
        return _attach(outer, info_reader, gate, boxing.staging.writable)
    finally:
        for number in own:
            os.close(number)


def _gate() -> int:
    """A pipe with one descriptor for both ends, so that nobody's death ends it for the others."""
    reader, writer = os.pipe()
    try:
        return os.open(f"/proc/self/fd/{reader}", os.O_RDWR | os.O_CLOEXEC)
    finally:
        os.close(reader)
        os.close(writer)


def _attach(outer: int, info_reader: int, gate: int, writable: Path) -> Box:
    handles: list[int] = []
    try:
        handles.append(os.pidfd_open(outer))
        init = _read_info(info_reader)
        handles.append(os.pidfd_open(init))
        handles.append(_open_folder(init, writable))
        handles.append(fcntl.fcntl(gate, fcntl.F_DUPFD_CLOEXEC, 3))
        started = time.monotonic()
        os.write(gate, _GO)
        outer_handle, init_handle, folder, waiting = handles
        return Box(outer, init, init_handle, outer_handle, folder, waiting, started)
    except BaseException as error:
        for number in handles:
            os.close(number)
        with suppress(ProcessLookupError):
            os.kill(outer, signal.SIGKILL)
        os.waitpid(outer, 0)
        if isinstance(error, (OSError, ValueError)):
            raise SandboxFault(
                f"a box could not be attached to: {error}", where="bubblewrap", hint="run `nightforge doctor`"
            ) from error
        raise


def _read_info(reader: int) -> int:
    """The pid that bwrap reports for the box's pid 1."""
    content = b""
    deadline = time.monotonic() + _START_DEADLINE_S
    while b"}" not in content:
        if not _wait_readable(reader, deadline):
            raise SandboxFault("bwrap did not start in time", where="bubblewrap", hint="is the machine overloaded?")
        piece = os.read(reader, 4096)
        if not piece:
            raise SandboxFault("bwrap ended before the box stood", where="bubblewrap", hint="run `nightforge doctor`")
        content += piece
    return int(json.loads(content)["child-pid"])


def _open_folder(init: int, writable: Path) -> int:
    """A descriptor of the tmpfs folder that is /box inside; it keeps the tmpfs alive after the box is gone.

    The inner bwrap's process outside the box, which is init's parent, lives where the tmpfs is mounted.
    """
    monitor = int(tree.stat_fields(init)[1])
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(f"/proc/{monitor}/root{writable}/box", flags)
