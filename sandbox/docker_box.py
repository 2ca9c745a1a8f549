"""One container, used for one program and never again.

Our init (runners/container_init.c) is process 1 inside. It takes the program's command line, filter and descriptors
over a private socket, so the program's 0, 1 and 2 are our own pipes and its memory files are ours, as in the other
tiers; from there on the supervisor, the watchdog and the collector are the same. Limits that hold for the tree
(memory, processes, bytes and inodes written) are also the container's own, kept by the kernel.
"""

from __future__ import annotations

import array
import os
import secrets
import select
import signal
import socket
import stat
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from nightforge.domain.limits import MIB, Limits
from nightforge.errors import SandboxFault, SandboxUnavailable
from sandbox import seccomp, tree
from sandbox.box import limit_arguments
from sandbox.docker_engine import INIT_PATH, OWNER_LABEL, Engine, Image, owner_word
from sandbox.launch import memory_file
from sandbox.staging import Staging

_START_DEADLINE_S = 30.0
_END_DEADLINE_S = 10.0
_GROUPS = Path("/sys/fs/cgroup")
_CONTROL = "/.nightforge/control"
_VERSION = 1
_RESERVED_INODES = 3
"""The private tmpfs' root, /box and /tmp."""
_KERNEL_BYTES = 16 * MIB
"""Page tables, slabs and our init are charged to the container, too, but are not the program's memory."""
_LEAST_MEMORY_BYTES = 32 * MIB
"""The runtime itself starts in the container's control group, and dies below some megabytes."""
_END = struct.Struct("=c3xiQ")
_PEER = struct.Struct("=iII")
_CREDENTIALS_SPACE = socket.CMSG_SPACE(_PEER.size)

ENVIRONMENT = ("PATH=/usr/bin:/bin", "HOME=/box", "TMPDIR=/tmp", "LANG=C.UTF-8")
_MASKED = (
    *("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"),
    # What the engine writes of this machine: its name servers, its own idea of our name.
    *("/etc/hostname", "/etc/hosts", "/etc/resolv.conf"),
    "/dev/mqueue",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True)
class Options:
    """How containers of a sandbox are made. `gpus` are device ids, or ("all",)."""

    image: Image
    uid: int
    gid: int
    gpus: Sequence[str] = ()


@dataclass(slots=True)
class DockerBox:
    """A container whose program runs. `init` is the program's pid in our namespace, `root` that of process 1 inside."""

    engine: Engine
    container: str
    root: int
    root_handle: int
    init: int
    init_handle: int
    outer_handle: int
    folder: int
    oom: int
    started: float
    status: int | None = None
    child_cpu_s: float = 0.0
    ended: float | None = None
    killed_for_memory: bool = False
    _closed: bool = field(default=False)

    def kill(self) -> None:
        """SIGKILL process 1 of the container, and with it everything inside."""
        try:
            signal.pidfd_send_signal(self.root_handle, signal.SIGKILL)
        except ProcessLookupError:
            return
        except PermissionError:  # a rootless daemon gives the box a user of its own
            self.engine.remove(self.container)

    def usage(self, *, exact_above_bytes: int, may_stop: bool = False) -> tree.TreeUsage:
        found = tree.measure(self.root, exact_above_bytes=exact_above_bytes, may_stop=may_stop)
        blocks = os.fstatvfs(self.folder)
        memory = found.memory_bytes + (blocks.f_blocks - blocks.f_bfree) * blocks.f_frsize
        if self._kills() > 0:
            memory = max(memory, exact_above_bytes + 1)  # the kernel saw it over the limit
        return tree.TreeUsage(found.cpu_s, memory, found.processes)

    def _kills(self) -> int:
        """How many processes the container's memory limit has ended; counted by the kernel."""
        try:
            content = os.pread(self.oom, 4096, 0)
        except OSError:
            return 0
        for line in content.splitlines():
            name, _, value = line.partition(b" ")
            if name == b"oom_kill":
                return int(value)
        return 0

    def is_full(self) -> bool:
        blocks = os.fstatvfs(self.folder)
        return blocks.f_bfree == 0 or blocks.f_ffree == 0

    def reap(self) -> None:
        """Wait until the whole tree is dead. Idempotent. Raises SandboxFault when it will not die."""
        if self.status is not None:
            return
        status, self.child_cpu_s = self._end_of_program()
        self.ended = time.monotonic()
        self.killed_for_memory = self._kills() > 0
        self.kill()
        if not _readable(self.root_handle, _END_DEADLINE_S):
            self.engine.remove(self.container)
            if not _readable(self.root_handle, _END_DEADLINE_S):
                raise SandboxFault("a container does not die", where=f"docker container {self.container[:12]}")
        self.status = status

    def _end_of_program(self) -> tuple[int, float]:
        """What the init reported; a killed container reports nothing."""
        if not _readable(self.outer_handle, _END_DEADLINE_S):
            return -signal.SIGKILL, 0.0
        try:
            content = os.read(self.outer_handle, _END.size)
        except OSError:
            content = b""
        if len(content) != _END.size:
            return -signal.SIGKILL, 0.0
        _, status, cpu_us = _END.unpack(content)
        return os.waitstatus_to_exitcode(status), cpu_us / 1e6

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for number in (self.root_handle, self.init_handle, self.outer_handle, self.folder, self.oom):
            os.close(number)


def _readable(descriptor: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, int(1000 * timeout_s))))


def check_limits(limits: Limits) -> None:
    """Refuse what a container cannot be held to, before anything starts."""
    if limits.memory_bytes < _LEAST_MEMORY_BYTES:
        raise SandboxUnavailable(
            f"a container cannot be held to less than {_LEAST_MEMORY_BYTES // MIB} MiB of memory",
            where="docker",
            hint="ask for more, or use the bubblewrap tier",
        )


def container_config(options: Options, limits: Limits, staging: Staging) -> dict[str, object]:
    """The engine's whole description of a container (POST /containers/create)."""
    memory = limits.memory_bytes + _KERNEL_BYTES
    inodes = limits.writable_inodes + _RESERVED_INODES
    tmpfs = f"rw,nosuid,nodev,exec,size={limits.writable_bytes},nr_inodes={inodes},mode=1777"
    masked = [*_MASKED, *([] if options.gpus else ["/sys"])]
    host: dict[str, object] = {
        "NetworkMode": "none",
        "IpcMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": limits.processes + 1,  # our init
        "Memory": memory,
        "MemorySwap": memory,
        "AutoRemove": True,
        "LogConfig": {"Type": "none"},
        "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}, {"Name": "nofile", "Soft": 1024, "Hard": 4096}],
        "Tmpfs": {"/dev/shm": tmpfs},
        "Mounts": _mounts(options, staging),
        "MaskedPaths": masked,
        "ReadonlyPaths": list(_READ_ONLY),
    }
    if options.gpus:
        which = {"Count": -1} if tuple(options.gpus) == ("all",) else {"DeviceIDs": list(options.gpus)}
        host["DeviceRequests"] = [{"Driver": "nvidia", "Capabilities": [["gpu", "compute", "utility"]], **which}]
    return {
        "Image": options.image.reference,
        "Entrypoint": [INIT_PATH],
        "Cmd": [_CONTROL],
        "User": f"{options.uid}:{options.gid}",
        "Hostname": "box",
        "NetworkDisabled": True,
        "Env": [],
        "Labels": {OWNER_LABEL: owner_word()},
        "HostConfig": host,
    }


def _mounts(options: Options, staging: Staging) -> list[dict[str, object]]:
    places = {_CONTROL: _listening_place(staging), "/job": staging.job}
    if options.image.mounts_usr:
        names = ("/usr", "/etc/ld.so.cache", "/etc/alternatives")
        folders = (f"/{name}" for name in ("bin", "sbin", "lib", "lib64", "lib32") if not Path(f"/{name}").is_symlink())
        places |= {name: Path(name) for name in (*names, *folders) if Path(name).exists()}
    places |= {f"/job/{name}": path for name, path in staging.binds.items()}
    return [
        {"Type": "bind", "Target": target, "Source": str(source), "ReadOnly": True}
        | {"BindOptions": {"Propagation": "rprivate"}}
        for target, source in places.items()
    ]


def _listening_place(staging: Staging) -> Path:
    return staging.root / "control"


class Shell:
    """A started container whose init waits for its one program."""

    def __init__(self, engine: Engine, options: Options, limits: Limits, staging: Staging) -> None:
        self.engine = engine
        self.container = ""
        self._closing = ExitStack()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as listener:
                place = _listening_place(staging)
                listener.bind(str(place))
                place.chmod(stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO)  # the folder around it is ours
                listener.listen(1)
                name = f"nightforge-box-{secrets.token_hex(8)}"
                self.container = engine.create(name, container_config(options, limits, staging))
                engine.start(self.container)
                self._greeted(listener, options)
        except BaseException:
            self.discard()
            raise

    def _greeted(self, listener: socket.socket, options: Options) -> None:
        if not _readable(listener.fileno(), _START_DEADLINE_S):
            raise SandboxFault(
                "the container's init did not reach us",
                where="docker",
                hint="the daemon must run on this machine, with the same /tmp; rebuild the image: make image",
            )
        control, _ = listener.accept()
        self._closing.callback(control.close)
        self.control = control
        self.root, uid, _ = _PEER.unpack(control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        groups = (Path("/proc") / str(self.root) / "cgroup").read_text()
        if self.container not in groups:
            raise SandboxFault("a stranger answered for the container", where=f"docker, pid {self.root}, uid {uid}")
        self.root_handle = os.pidfd_open(self.root)
        self._closing.callback(os.close, self.root_handle)
        self.folder = self._greeting()
        self._closing.callback(os.close, self.folder)
        self.oom = os.open(_oom_counter(groups), os.O_RDONLY | os.O_CLOEXEC)
        self._closing.callback(os.close, self.oom)

    def _greeting(self) -> int:
        if not _readable(self.control.fileno(), _START_DEADLINE_S):
            raise SandboxFault("the container's init says nothing", where="docker")
        word, given, _, _ = socket.recv_fds(self.control, 16, 1)
        if word != bytes([ord("H"), _VERSION]) or len(given) != 1:
            for number in given:
                os.close(number)
            raise SandboxFault("the container's init is of another release", where="docker", hint="make image")
        return given[0]

    @property
    def alive(self) -> bool:
        return not _readable(self.root_handle, 0) and not _readable(self.control.fileno(), 0)

    def open(self, argv: Sequence[str], limits: Limits, descriptors: Sequence[int], cpus: Sequence[int]) -> DockerBox:
        """Hand the program over and let it run. The shell is used up, whatever comes of it."""
        job = _job([*limit_arguments(limits, extra_processes=None), *argv], cpus)
        handle = -1
        try:
            number = memory_file(job, "job")
            try:
                self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                socket.send_fds(self.control, [b"J"], [number, *descriptors])
            finally:
                os.close(number)
            pid = self._child()
            handle = os.pidfd_open(pid)
            started = time.monotonic()
            self.control.send(b"G")
        except BaseException as error:
            if handle >= 0:
                os.close(handle)
            self.discard()
            if isinstance(error, OSError):
                raise SandboxFault(f"a container could not be used: {error}", where="docker") from error
            raise
        self._closing.pop_all()  # the descriptors are the box's from here on
        return DockerBox(
            *(self.engine, self.container, self.root, self.root_handle, pid, handle),
            *(self.control.detach(), self.folder, self.oom, started),
        )

    def _child(self) -> int:
        """The program's pid, as the kernel attests it."""
        if not _readable(self.control.fileno(), _START_DEADLINE_S):
            raise SandboxFault("the container took no program", where="docker")
        word, ancillary, _, _ = self.control.recvmsg(1, _CREDENTIALS_SPACE)
        for level, kind, content in ancillary:
            if word == b"C" and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                pid: int = _PEER.unpack(content[: _PEER.size])[0]
                return pid
        raise SandboxFault("the container ended before its program began", where="docker")

    def discard(self) -> None:
        """End a container that was not used. Its init ends with our socket; the engine is asked only if it does not."""
        handle = getattr(self, "root_handle", None)
        ended = False
        if handle is not None:
            with suppress(OSError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            ended = _readable(handle, _END_DEADLINE_S)
        self._closing.close()
        if self.container and not ended:
            self.engine.remove(self.container)


def _job(argv: Sequence[str], cpus: Sequence[int]) -> bytes:
    rules = seccomp.default_filter()
    words = b"".join(os.fsencode(word) + b"\0" for word in (*argv, *ENVIRONMENT))
    head = struct.pack("=IIII", len(rules), len(cpus), len(argv), len(ENVIRONMENT))
    return head + rules + array.array("I", cpus).tobytes() + words


def _oom_counter(groups: str) -> Path:
    """The file that counts the kills of a container's memory limit, in either version of control groups."""
    kinds: Mapping[str, tuple[Path, str]] = {
        "memory": (_GROUPS / "memory", "memory.oom_control"),
        "": (_GROUPS, "memory.events"),
    }
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        for name, (mount, file) in kinds.items():
            found = mount / path.lstrip("/") / file
            if name in controllers.split(",") and found.exists():
                return found
    raise SandboxFault(
        "the container's memory group is out of sight", where=str(_GROUPS), hint="mount the control groups"
    )
