"""A kernel looked into: how near it comes to which roof, its hot loop, its memory traffic, and what that points at."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from evaluators.kernels.profile_runs import Static, look_into, peak_rate
from evaluators.kernels.profile_signs import Facts, read_signs
from evaluators.kernels.spec import Dims, Inputs, KernelSettings
from evaluators.kernels.timing import l3_bytes
from nightforge.domain.evidence import Calibration, Evidence, Metric
from nightforge.domain.ports import Sandbox
from nightforge.domain.profile import KernelProfile, Roofline

_KEPT = 256


class Profiler:
    """Keeps what it made: a source is looked into once, and the core's rate is measured once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._static: dict[str, Static] = {}
        self._peak: Metric | None = None
        self._working = asyncio.Lock()

    async def profile(
        self,
        source: str,
        settings: KernelSettings,
        inputs: Inputs,
        dims: Dims,
        evidence: Evidence,
        calibration: Calibration | None,
    ) -> KernelProfile:
        """`dims` is the timed shape; `evidence` of a program that passed. One at a time: the machine is shared."""
        async with self._working:
            key = sha256(f"{settings.model_dump_json()}\0{sorted(dims.items())}\0{source}".encode()).hexdigest()
            static = self._static.get(key)
            if static is None:
                static = await look_into(self._sandbox, source, settings, inputs, dims)
                if len(self._static) >= _KEPT:
                    self._static.pop(next(iter(self._static)))
                self._static[key] = static
            if self._peak is None and settings.operations(dims):
                self._peak = await peak_rate(self._sandbox)
        roofline = roofline_of(settings, dims, evidence, calibration, self._peak)
        missing = dict(static.missing)
        if roofline is None:
            missing["roofline"] = "it was not timed against the roof"
        faults = evidence.metrics.get("page_faults")
        facts = Facts(
            roofline=roofline,
            hot_loop=static.hot_loop,
            loops=static.loops,
            cache=static.cache,
            page_faults=faults.value if faults else 0.0,
            beyond_cache=settings.traffic_bytes(dims) > l3_bytes(),
            writes_only=any(argument.kind == "output" for argument in settings.arguments),
        )
        return KernelProfile(
            roofline=roofline,
            hot_loop=static.hot_loop,
            loops=static.loops,
            page_faults=faults,
            cache=static.cache,
            signs=read_signs(facts),
            missing=missing,
            tools=dict(static.tools),
        )


def roofline_of(
    settings: KernelSettings, dims: Dims, evidence: Evidence, calibration: Calibration | None, peak: Metric | None
) -> Roofline | None:
    """None for a program that was not timed beside the roof.

    The task's own roof kernel ran in the same rounds, so that its share is the evidence's; the other roof is the
    core's arithmetic rate (memory tasks). Whichever asks for more time is the one that counts.
    """
    time, share = evidence.metrics.get(settings.clock), evidence.metrics.get("roof_pct")
    if time is None or share is None or time.value <= 0:
        return None
    if peak is not None and settings.threads > 1:
        peak = peak.model_copy(update={"value": settings.threads * peak.value})
    traffic, operations = settings.traffic_bytes(dims), settings.operations(dims)
    rate = Metric(value=operations / time.value / 1e6, unit="GFLOP/s") if operations else None
    bound, counted = ("memory", share) if settings.roof_kind == "memory" else ("compute", share)
    rate_roof = peak
    if settings.roof_kind == "arithmetic" and rate is not None and share.value > 0:
        rate_roof = Metric(value=rate.value / share.value * 100.0, unit="GFLOP/s")
    elif rate is not None and peak is not None and 100.0 * rate.value / peak.value > share.value:
        bound, counted = "compute", Metric(value=100.0 * rate.value / peak.value, unit="%")
    roof = calibration.roof.get("bandwidth") if calibration is not None else None
    return Roofline(
        bound="memory" if bound == "memory" else "compute",
        share=counted,
        intensity=Metric(value=operations / traffic, unit="flop/B") if operations and traffic else None,
        bandwidth=Metric(value=traffic / time.value / 1e6, unit="GB/s"),
        bandwidth_roof=roof if settings.roof_kind == "memory" else None,
        rate=rate,
        rate_roof=rate_roof if rate is not None else None,
    )
