"""Looking at an attack's processes from outside while they run: /proc, file systems, namespaces, descriptors."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1 << 20
EVERY_S = 0.02
WRITABLE = ("box", "tmp", "dev/shm", "var/tmp", "run")
LAUNCHERS = {"bwrap", "unshare", "setpriv", "prlimit", "docker-init", "runc", "containerd-shim", "dash", "docker"}
"""Stages of a launch carry the attack's arguments, too; they are not the attack."""


@dataclass
class Peaks:
    """The worst that was seen of one attack."""

    seen: set[int] = field(default_factory=set)
    processes: int = 0
    memory_mib: float = 0.0
    written_mib: float = 0.0
    inodes: int = 0
    open_files: int = 0
    nice: int = 0
    links: set[str] = field(default_factory=set)
    namespaces: set[tuple[str, str]] = field(default_factory=set)
    rooted: bool = False
    node: bool = False
    raw: bool = False
    keys: bool = False
    traced: bool = False
    stopped: bool = False


class Sampler:
    """Watches all processes that carry `token` in their arguments, and whether `victims` are stopped or traced."""

    def __init__(self, token: str, victims: tuple[int, ...]) -> None:
        self._token = token.encode()
        self._victims = victims
        self._stop = threading.Event()
        self._first_used: dict[int, tuple[int, int]] = {}
        self._shared_before = shared_memory_mib()
        self.peaks = Peaks()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def carriers(self) -> list[int]:
        """Live processes of the attack, launch stages left out."""
        found = []
        # The newest first: of a chain that forks and exits, only the last lives.
        for name in sorted(filter(str.isdigit, os.listdir("/proc")), key=int, reverse=True):  # noqa: PTH208
            if is_attack(self._token, name):
                found.append(int(name))
        return found

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        living = self.carriers()
        peaks = self.peaks
        peaks.seen.update(living)
        peaks.processes = max(peaks.processes, len(living))
        resident = 0
        for pid in living:
            with suppress(OSError, ValueError, IndexError):
                resident += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
            with suppress(OSError, ValueError, StopIteration):
                self._look_at(pid)
        shared = max(0.0, shared_memory_mib() - self._shared_before) if living else 0.0
        peaks.memory_mib = max(peaks.memory_mib, resident / MIB, shared)
        for pid in self._victims:
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                peaks.traced |= "TracerPid:\t0\n" not in status
                peaks.stopped |= "State:\tT" in status or "State:\tt" in status

    def _look_at(self, pid: int) -> None:
        peaks = self.peaks
        self._used(pid)
        proc = Path(f"/proc/{pid}")
        for number in os.listdir(proc / "fd")[:64]:  # noqa: PTH208
            with suppress(OSError):
                peaks.links.add(os.readlink(proc / "fd" / number))  # noqa: PTH115
        peaks.namespaces.add((os.readlink(proc / "ns/user"), os.readlink(proc / "ns/mnt")))  # noqa: PTH115
        status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
        peaks.rooted |= "0" in status["Uid"].split() or int(status["CapEff"], 16) != 0
        limits = (proc / "limits").read_text().splitlines()
        files = next(line for line in limits if line.startswith("Max open files")).split()
        peaks.open_files = max(peaks.open_files, int(files[3]))
        peaks.nice = min(peaks.nice, int((proc / "stat").read_text().rpartition(")")[2].split()[16]))
        for name in ("raw", "packet"):
            with suppress(OSError):
                peaks.raw |= len((proc / "net" / name).read_text().splitlines()) > 1
        with suppress(OSError):
            peaks.keys |= self._token.decode() in (proc / "keys").read_text()
        with suppress(OSError):
            peaks.keys |= self._token.decode() in Path("/proc/keys").read_text()
        with suppress(OSError):
            for name in os.listdir(proc / "cwd")[:32]:  # noqa: PTH208
                mode = (proc / "cwd" / name).lstat().st_mode
                peaks.node |= stat.S_ISCHR(mode) or stat.S_ISBLK(mode)

    def _used(self, pid: int) -> None:
        """What the attack's writable file systems hold beyond what they held when first seen."""
        written = inodes = 0
        devices = set()
        for name in WRITABLE:
            path = f"/proc/{pid}/root/{name}"
            with suppress(OSError):
                device = os.stat(path).st_dev  # noqa: PTH116
                found = os.statvfs(path)
                if device in devices or found.f_flag & os.ST_RDONLY:
                    continue
                devices.add(device)
                used = ((found.f_blocks - found.f_bfree) * found.f_frsize, found.f_files - found.f_ffree)
                first = self._first_used.setdefault(device, used)
                written += used[0] - first[0]
                inodes += used[1] - first[1]
        self.peaks.written_mib = max(self.peaks.written_mib, written / MIB)
        self.peaks.inodes = max(self.peaks.inodes, inodes)


def is_attack(token: bytes, pid: str, read: Callable[[str], bytes] = lambda path: Path(path).read_bytes()) -> bool:
    """Whether the program carries `token` and is no stage on the way to it: named so, or a shell that still mounts.

    Name and arguments count where two looks agree: between them one program may become the next, and a shell that
    mounts would pass for the attack with what follows it, or with the arguments that nobody has set yet.
    """
    with suppress(OSError):
        if token not in read(f"/proc/{pid}/cmdline"):
            return False
        before = None
        while (now := (read(f"/proc/{pid}/comm"), read(f"/proc/{pid}/cmdline"))) != before:
            before = now
        name, line = now[0].decode(errors="replace").strip(), now[1]
        return token in line and name not in LAUNCHERS and not (name == "sh" and b"mount -i" in line)
    return False


def shared_memory_mib() -> float:
    """Shmem of the whole machine: memory files, System V segments, tmpfs."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Shmem:"):
            return int(line.split()[1]) / 1024
    return 0.0


def survivors(sampler: Sampler) -> int:
    """How many processes of the attack live on. A chain that forks and exits is missed by most looks."""
    time.sleep(0.1)
    most = 0
    for _ in range(12):
        most = max(most, len(sampler.carriers()))
        time.sleep(0.02)
    return most
