"""The filters, interpreted: what each decides for every call and argument."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from nightforge.errors import SandboxUnavailable
from sandbox import seccomp

ALLOW = 0x7FFF0000
KILL = 0x80000000
X86 = 0xC000003E
ARM = 0xC00000B7
HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}


def refused(number: int) -> int:
    return 0x00050000 | number


def decide(program: bytes, arch: int, call: int, *arguments: int) -> int:
    """A small interpreter for the opcodes of classic BPF that the filters use."""
    values = [*arguments, *([0] * (6 - len(arguments)))]
    data = struct.pack("=IIQ6Q", call, arch, 0, *values)
    code = [struct.unpack_from("=HBBI", program, offset) for offset in range(0, len(program), 8)]
    accumulator = at = 0
    while True:
        opcode, when_true, when_false, value = code[at]
        at += 1
        if opcode == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif opcode == 0x06:
            return int(value)
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[opcode]
            at += when_true if holds else when_false


@pytest.mark.parametrize(
    ("make", "machine"),
    [(make, machine) for make in (seccomp.default_filter, seccomp.worker_filter) for machine in ("x86_64", "aarch64")],
)
def test_programs_are_well_formed(make: object, machine: str) -> None:
    assert callable(make)
    program = make(machine)
    count = seccomp.instruction_count(program)
    assert len(program) == count * seccomp.INSTRUCTION_BYTES
    assert count < 4096
    for at in range(count):
        opcode, when_true, when_false, _ = struct.unpack_from("=HBBI", program, at * 8)
        assert opcode in {0x20, 0x06, 0x15, 0x35, 0x45}
        if opcode != 0x06:
            assert at + 1 + max(when_true, when_false) < count
    assert struct.unpack_from("=HBBI", program, (count - 1) * 8)[0] == 0x06


@pytest.mark.parametrize(("machine", "arch", "column"), [("x86_64", X86, 0), ("aarch64", ARM, 1)])
def test_every_denied_call_is_denied_and_others_are_not(machine: str, arch: int, column: int) -> None:
    program = seccomp.default_filter(machine)
    denied = {pair[column] for pair in seccomp._DENIED.values()} - {None}
    special = {seccomp._CLONE3[column]} | {pair[column] for pair in seccomp._HOARDING.values()}
    for call in range(470):
        decision = decide(program, arch, call, 1)
        if call in denied:
            assert decision == refused(errno.EPERM), call
        elif call in special:
            assert decision == refused(errno.ENOSYS)
        else:
            assert decision == ALLOW, call


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_call_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    header = next((path for path in HEADERS[machine] if path.exists()), None)
    if header is None:
        pytest.skip("kernel headers are not installed")
    numbers = {
        name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)\b", header.read_text())
    }
    column = 0 if machine == "x86_64" else 1
    tables = {**seccomp._DENIED, **seccomp._FORKING, **seccomp._HOARDING}
    tables |= {"clone": seccomp._CLONE, "clone3": seccomp._CLONE3, "socket": seccomp._SOCKET}
    tables |= {"socketpair": seccomp._SOCKETPAIR, "ioctl": seccomp._IOCTL}
    checked = 0
    for name, pair in tables.items():
        if name in numbers and pair[column] is not None:
            assert pair[column] == numbers[name], name
            checked += 1
    assert checked > 45


def test_clone_makes_threads_and_processes_but_no_namespace() -> None:
    program = seccomp.default_filter("x86_64")
    assert decide(program, X86, 56, 17) == ALLOW
    assert decide(program, X86, 56, seccomp.CLONE_THREAD | 0x100) == ALLOW
    for flag in (0x02000000, 0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide(program, X86, 56, flag | 17) == refused(errno.EPERM)


def test_the_worker_makes_threads_only() -> None:
    for machine, arch, column in (("x86_64", X86, 0), ("aarch64", ARM, 1)):
        program = seccomp.worker_filter(machine)
        clone = seccomp._CLONE[column]
        assert decide(program, arch, clone, seccomp.CLONE_THREAD | 0x100) == ALLOW
        assert decide(program, arch, clone, 17) == refused(errno.EPERM)
        assert decide(program, arch, clone, seccomp.CLONE_THREAD | 0x10000000) == refused(errno.EPERM)
        for pair in seccomp._FORKING.values():
            if pair[column] is not None:
                assert decide(program, arch, pair[column] or 0) == refused(errno.EPERM)
        assert decide(program, arch, seccomp._SOCKET[column], 1) == refused(errno.EAFNOSUPPORT)
        assert decide(program, arch, seccomp._SOCKETPAIR[column], 1) == refused(errno.EAFNOSUPPORT)


def test_sockets_are_local_only() -> None:
    program = seccomp.default_filter("x86_64")
    assert decide(program, X86, 41, 1) == ALLOW
    for family in (0, 2, 10, 16, 17, 40):
        assert decide(program, X86, 41, family) == refused(errno.EAFNOSUPPORT)
        assert decide(program, X86, 53, family) == refused(errno.EAFNOSUPPORT)


def test_terminal_injection_is_refused_whatever_the_upper_half_says() -> None:
    program = seccomp.default_filter("x86_64")
    for request in (0x5412, 0x541C, 0x1_0000_5412):
        assert decide(program, X86, 16, 0, request) == refused(errno.EPERM)
    assert decide(program, X86, 16, 0, 0x5401) == ALLOW


def test_other_architectures_die_and_x32_does_not_exist() -> None:
    program = seccomp.default_filter("x86_64")
    assert decide(program, 0x40000003, 1) == KILL
    assert decide(program, X86, 0x40000000 | 101) == refused(errno.ENOSYS)


def test_an_unknown_processor_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="riscv64") as caught:
        seccomp.default_filter("riscv64")
    assert "x86_64" in caught.value.hint
