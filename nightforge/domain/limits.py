"""Limits of one sandboxed run, and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from nightforge.domain.base import Frozen

MIB = 1024 * 1024


class Limits(Frozen):
    """All limits hold for the whole process tree unless said otherwise.

    `address_space_bytes` and `file_bytes` are per process (RLIMIT_AS, RLIMIT_FSIZE);
    `memory_bytes` is the resident sum over the tree, kept by a watchdog or a cgroup.
    """

    wall_s: Annotated[float, Field(gt=0)] = 10.0
    cpu_s: Annotated[int, Field(gt=0)] = 10
    memory_bytes: Annotated[int, Field(gt=0)] = 1024 * MIB
    address_space_bytes: Annotated[int, Field(gt=0)] | None = None
    processes: Annotated[int, Field(gt=0)] = 64
    file_bytes: Annotated[int, Field(ge=0)] = 32 * MIB
    writable_bytes: Annotated[int, Field(gt=0)] = 64 * MIB
    writable_inodes: Annotated[int, Field(gt=0)] = 4096
    output_bytes: Annotated[int, Field(gt=0)] = 256 * 1024
    open_files: Annotated[int, Field(gt=0)] = 256


class ExitReason(StrEnum):
    """Why the tree ended; taken from our own counters, never from the candidate's word."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    WALL_LIMIT = "wall_limit"
    CPU_LIMIT = "cpu_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    DISK_LIMIT = "disk_limit"


class ExecResult(Frozen):
    """A finished run. A non-zero `exit_code` is a result, not an exception."""

    reason: ExitReason
    exit_code: int | None
    """None when the tree was killed or died by a signal."""
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    outputs: dict[str, bytes] = Field(default_factory=dict)
    """The files asked for that came back: regular, size-capped, no links."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0

    @property
    def ok(self) -> bool:
        return self.reason is ExitReason.EXITED and self.exit_code == 0
