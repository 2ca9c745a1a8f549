"""Occupancy of a multiprocessor from a kernel's figures: the arithmetic of NVIDIA's occupancy calculator.

Limits by architecture are those of the CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from nightforge.domain.base import Frozen

WARP = 32
_REGISTERS = 64 * 1024
_REGISTER_UNIT = 256
"""Registers are given to a warp in portions of this."""
_PARTITIONS = 4
"""A multiprocessor's registers lie in four parts, and a warp's in one of them."""
_MOST_REGISTERS = 255
_MOST_THREADS = 1024


class Architecture(Frozen):
    """One multiprocessor. Bytes of shared memory are those that its blocks can have together."""

    warps: int
    blocks: int
    shared_bytes: int
    reserved_bytes: int = 1024
    """Shared memory that the system takes of each block."""
    shared_unit: int = 128


ARCHITECTURES: Mapping[str, Architecture] = {
    "sm_75": Architecture(warps=32, blocks=16, shared_bytes=64 * 1024, reserved_bytes=0, shared_unit=256),
    "sm_80": Architecture(warps=64, blocks=32, shared_bytes=164 * 1024),
    "sm_86": Architecture(warps=48, blocks=16, shared_bytes=100 * 1024),
    "sm_89": Architecture(warps=48, blocks=24, shared_bytes=100 * 1024),
    "sm_90": Architecture(warps=64, blocks=32, shared_bytes=228 * 1024),
    "sm_100": Architecture(warps=64, blocks=32, shared_bytes=228 * 1024),
}


class Occupancy(Frozen):
    blocks: int
    """Resident on one multiprocessor at once."""
    warps: int
    percent: float
    limit: str
    """What keeps a further block out: `warps`, `blocks`, `registers` or `shared memory`."""


def occupancy(architecture: Architecture, *, threads: int, registers: int, shared_bytes: int) -> Occupancy:
    """`registers` of a thread, `shared_bytes` of a block, static and dynamic. A block that fits nowhere has 0 %.

    ValueError outside what any block may have.
    """
    if not 1 <= threads <= _MOST_THREADS or not 0 <= registers <= _MOST_REGISTERS or shared_bytes < 0:
        raise ValueError(f"no block has {threads} threads, {registers} registers and {shared_bytes} shared bytes")
    warps = ceil(threads / WARP)
    of_warp = max(1, ceil(registers * WARP / _REGISTER_UNIT)) * _REGISTER_UNIT
    by_registers = _REGISTERS // _PARTITIONS // of_warp * _PARTITIONS // warps
    unit = architecture.shared_unit
    of_block = ceil((shared_bytes + architecture.reserved_bytes) / unit) * unit
    limits = {
        "warps": architecture.warps // warps,
        "blocks": architecture.blocks,
        "registers": by_registers,
        "shared memory": architecture.shared_bytes // of_block if of_block else architecture.blocks,
    }
    limit = min(limits, key=lambda name: limits[name])
    blocks = limits[limit]
    return Occupancy(
        blocks=blocks, warps=blocks * warps, percent=100.0 * blocks * warps / architecture.warps, limit=limit
    )
