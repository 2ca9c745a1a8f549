"""Seccomp filters assembled by hand as classic BPF, so that no package is needed to make them.

A filter is a deny list: what is named here fails with an errno, everything else is left to the other layers
(namespaces, no capabilities, read-only mounts). The layout of `seccomp_data` and the opcodes are those of
linux/seccomp.h and linux/bpf_common.h. The aarch64 table follows asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import platform
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from nightforge.errors import SandboxUnavailable

_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER_EQUAL = 0x35
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000

_OFFSET_NUMBER = 0
_OFFSET_ARCH = 4
_OFFSET_ARGUMENTS = 16

_X32_BIT = 0x40000000

CLONE_THREAD = 0x00010000
CLONE_NEW_ANY = 0x02000000 | 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
"""CLONE_NEWCGROUP, NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (CLONE_NEWTIME is clone3 and unshare only)."""

_TIOCSTI = 0x5412
_TIOCLINUX = 0x541C

# name: (x86_64, aarch64); None where the architecture has no such call.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "nfsservctl": (180, 42),
}

# Memory that no process maps is in nobody's resident size, so the watchdog could not count it. ENOSYS makes the few
# libraries that try these fall back to files, which lie in the capped tmpfs.
_HOARDING: dict[str, tuple[int | None, int | None]] = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
}

_FORKING: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
}

_CLONE = (56, 220)
_CLONE3 = (435, 435)
_SOCKET = (41, 198)
_SOCKETPAIR = (53, 199)
_IOCTL = (16, 29)


@dataclass(frozen=True, slots=True)
class _Machine:
    audit_arch: int
    column: int
    has_x32: bool


_MACHINES = {
    "x86_64": _Machine(audit_arch=0xC000003E, column=0, has_x32=True),
    "aarch64": _Machine(audit_arch=0xC00000B7, column=1, has_x32=False),
}


def _instruction(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, value)


def _refuse(number: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | number)


def _argument(index: int) -> bytes:
    """The low 32 bits of an argument; both supported machines are little-endian."""
    return _instruction(_LOAD_WORD, _OFFSET_ARGUMENTS + 8 * index)


def _for_call(number: int, block: Sequence[bytes]) -> list[bytes]:
    """Run `block` for one call number. The block must return or fall through with the number in no register."""
    return [_instruction(_JUMP_EQUAL, number, 0, len(block)), *block]


def _deny(number: int, error: int = errno.EPERM) -> list[bytes]:
    return _for_call(number, [_refuse(error)])


_ALLOW_NOW = _instruction(_RETURN, _ALLOW)


def _prologue(machine: _Machine) -> list[bytes]:
    program = [
        _instruction(_LOAD_WORD, _OFFSET_ARCH),
        _instruction(_JUMP_EQUAL, machine.audit_arch, 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD_WORD, _OFFSET_NUMBER),
    ]
    if machine.has_x32:
        program += [_instruction(_JUMP_GREATER_EQUAL, _X32_BIT, 0, 1), _refuse(errno.ENOSYS)]
    return program


def _common(machine: _Machine) -> list[bytes]:
    program = _prologue(machine)
    for pair in _DENIED.values():
        number = pair[machine.column]
        if number is not None:
            program += _deny(number)
    for pair in _HOARDING.values():
        number = pair[machine.column]
        if number is not None:
            program += _deny(number, errno.ENOSYS)
    # clone3 hides its flags behind a pointer: ENOSYS makes libc fall back to clone.
    program += _deny(_CLONE3[machine.column], errno.ENOSYS)
    program += _for_call(
        _IOCTL[machine.column],
        [
            _argument(1),
            _instruction(_JUMP_EQUAL, _TIOCSTI, 1, 0),
            _instruction(_JUMP_EQUAL, _TIOCLINUX, 0, 1),
            _refuse(errno.EPERM),
            _ALLOW_NOW,
        ],
    )
    return program


def _machine(name: str | None) -> _Machine:
    name = name or platform.machine()
    if name not in _MACHINES:
        raise SandboxUnavailable(
            f"no system-call filter is known for processor {name!r}",
            where="sandbox",
            hint="supported: " + ", ".join(sorted(_MACHINES)),
        )
    return _MACHINES[name]


@cache
def default_filter(machine_name: str | None = None) -> bytes:
    """The filter of every sandboxed program: an array of `struct sock_filter`, ready for bwrap --seccomp.

    No namespaces, mounts, tracing, BPF, perf, io_uring, keys, modules, clocks or unmapped memory; sockets only of
    AF_UNIX.
    """
    machine = _machine(machine_name)
    program = _common(machine)
    program += _for_call(
        _CLONE[machine.column],
        [_argument(0), _instruction(_JUMP_ANY_BIT, CLONE_NEW_ANY, 0, 1), _refuse(errno.EPERM), _ALLOW_NOW],
    )
    for pair in (_SOCKET, _SOCKETPAIR):
        program += _for_call(
            pair[machine.column],
            [
                _argument(0),
                _instruction(_JUMP_EQUAL, socket.AF_UNIX, 1, 0),
                _refuse(errno.EAFNOSUPPORT),
                _ALLOW_NOW,
            ],
        )
    return b"".join([*program, _ALLOW_NOW])


@cache
def worker_filter(machine_name: str | None = None) -> bytes:
    """The last filter of a worker that loads candidate code into its own process.

    On top of the default one: no fork, vfork, exec, clone without CLONE_THREAD, and no socket at all. The worker
    installs it itself (prctl PR_SET_SECCOMP, SECCOMP_MODE_FILTER; no_new_privs is already set) before it loads
    the candidate. Threads stay possible.
    """
    machine = _machine(machine_name)
    program = _common(machine)
    for pair in _FORKING.values():
        number = pair[machine.column]
        if number is not None:
            program += _deny(number)
    program += _for_call(
        _CLONE[machine.column],
        [
            _argument(0),
            _instruction(_JUMP_ANY_BIT, CLONE_NEW_ANY, 1, 0),
            _instruction(_JUMP_ANY_BIT, CLONE_THREAD, 1, 0),
            _refuse(errno.EPERM),
            _ALLOW_NOW,
        ],
    )
    program += _deny(_SOCKET[machine.column], errno.EAFNOSUPPORT)
    program += _deny(_SOCKETPAIR[machine.column], errno.EAFNOSUPPORT)
    return b"".join([*program, _ALLOW_NOW])


INSTRUCTION_BYTES = 8


def instruction_count(program: bytes) -> int:
    """`sock_fprog.len` of a filter."""
    return len(program) // INSTRUCTION_BYTES
