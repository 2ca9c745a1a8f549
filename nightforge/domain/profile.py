"""What a profile of one program says: typed evidence beside the score, for the judge, the coder and the report.

Nothing in it ever enters a score: counts of a simulator and a scheduler's model explain a time, they are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

from pydantic import Field

from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.evidence import Calibration, Evidence, Metric
from nightforge.domain.task import Task


class Bottleneck(StrEnum):
    """What limits a kernel. A judge names exactly one."""

    PAGE_FAULTS = "page_faults"
    """Memory is asked for inside the call."""
    NOT_VECTORISED = "not_vectorised"
    """The hot loop computes one element at a time."""
    SLOW_CALL = "slow_call"
    """The hot loop calls a scalar function, or divides."""
    GATHER = "gather"
    """The hot loop's loads are scattered."""
    LATENCY_BOUND = "latency_bound"
    """A chain of dependent operations: a plain sum, a recurrence."""
    CACHE_MISSES = "cache_misses"
    """Data is fetched again that a cache could have held."""
    STORE_TRAFFIC = "store_traffic"
    """Each store reads the line before it writes it."""
    MEMORY_BOUND = "memory_bound"
    """Bytes from memory: fewer passes are the only way."""
    COMPUTE_BOUND = "compute_bound"
    """Arithmetic in full vectors."""
    NEAR_ROOF = "near_roof"
    """There is next to nothing left by the roofline of the task."""


class Sign(Frozen):
    """One bottleneck that the figures speak for, and the figures in words."""

    bottleneck: Bottleneck
    words: str


class Roofline(Frozen):
    """Williams, Waterman and Patterson, 2009: the least time is set by bytes or by operations, whichever is more."""

    bound: Literal["memory", "compute"]
    """Which roof is the lower one for the task on this machine."""
    share: Metric
    """Achieved share of that roof, %."""
    intensity: Metric | None = None
    """Operations per byte of least traffic, flop/B; None where the task does not count its operations."""
    bandwidth: Metric | None = None
    """Least traffic over the measured time, GB/s."""
    bandwidth_roof: Metric | None = None
    """What the task's own traffic kernel reached in the calibration, GB/s."""
    rate: Metric | None = None
    """Operations of the task over the measured time, GFLOP/s."""
    rate_roof: Metric | None = None
    """Independent multiply-adds in the widest vectors, measured on one core, GFLOP/s."""


class HotLoop(Frozen):
    """The innermost loop in which most instructions are spent, and what llvm-mca makes of it."""

    line: int
    """Of the source, from 1."""
    share: Metric | None = None
    """Of the kernel's instructions, %; None where nothing counted them."""
    instructions: int
    vector_bits: int
    """Widest register that computes: 512, 256, 128; 0 for none."""
    scalar_operations: int = 0
    """Arithmetic on single floating-point elements."""
    packed_operations: int = 0
    gathers: int = 0
    divisions: int = 0
    """Divisions and square roots."""
    calls: tuple[str, ...] = ()
    loads: int = 0
    stores: int = 0
    streaming_stores: int = 0
    model: str = ""
    """The processor that llvm-mca scheduled for: not this one where its version does not know it."""
    cycles: Metric | None = None
    """Per iteration, with all data in the first cache."""
    least_cycles: Metric | None = None
    """Per iteration, were there no dependence between instructions."""
    ipc: Metric | None = None
    dependence: Metric | None = None
    """Cycles in which registers waited for each other, %."""
    pressure: Metric | None = None
    """Cycles in which execution units were short, %."""


class LoopRemark(Frozen):
    """What gcc says of one loop."""

    line: int
    vectorised: bool
    vector_bytes: int = 0
    reason: str = ""
    """Why not; empty for a vectorised one."""


class CacheCounts(Frozen):
    """One warm call under cachegrind: an AVX2 build on a small shape, exact and repeatable. Never a score."""

    shape: dict[str, int]
    instructions: Metric
    data_references: Metric
    first_level_misses: Metric
    last_level_misses: Metric
    last_level_bytes: int
    """The simulated last cache: scaled down with the shape."""
    traffic_ratio: Metric
    """Lines that missed the last cache, over those of all inputs and outputs once, x."""


class KernelProfile(Frozen):
    schema_version: Literal[1] = 1
    roofline: Roofline | None = None
    hot_loop: HotLoop | None = None
    loops: tuple[LoopRemark, ...] = ()
    page_faults: Metric | None = None
    """Per call."""
    cache: CacheCounts | None = None
    signs: tuple[Sign, ...] = ()
    """Strongest first."""
    missing: dict[str, str] = Field(default_factory=dict)
    """Part → why it is not here: a tool that is not installed, a program that it cannot run."""
    tools: dict[str, str] = Field(default_factory=dict)


def profile_name(code_sha: str) -> str:
    """The campaign's document that holds the profile of a program."""
    return f"profile-{code_sha}"


@runtime_checkable
class OffersProfiles(Protocol):
    """What an evaluator that can look into a program adds to `Evaluator`."""

    async def profile(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        evidence: Evidence,
        *,
        calibration: Calibration | None = None,
    ) -> KernelProfile:
        """Of a program whose `evidence` passed. Takes seconds; the same source gives the same counts.

        What cannot be had is named in `missing`: a profile that fails is no failure of the candidate.
        """
        ...
