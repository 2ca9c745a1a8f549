"""A profile as lines of plain text: the same for the terminal, the report, the pages and the prompts."""

from __future__ import annotations

from nightforge.domain.evidence import Metric
from nightforge.domain.profile import Bottleneck, CacheCounts, HotLoop, KernelProfile, Roofline

_MOST_REMARKS = 8
PHRASES = {
    Bottleneck.PAGE_FAULTS: "page faults in the call",
    Bottleneck.NOT_VECTORISED: "not vectorised",
    Bottleneck.SLOW_CALL: "slow calls in the hot loop",
    Bottleneck.GATHER: "gather: scattered loads in the hot loop",
    Bottleneck.LATENCY_BOUND: "latency: a dependent chain",
    Bottleneck.CACHE_MISSES: "cache misses",
    Bottleneck.STORE_TRAFFIC: "store traffic to memory",
    Bottleneck.MEMORY_BOUND: "memory bandwidth",
    Bottleneck.COMPUTE_BOUND: "computation",
    Bottleneck.NEAR_ROOF: "next to nothing: it is near the roof",
}
"""What a judge calls each."""


def profile_lines(profile: KernelProfile) -> list[str]:
    """Roofline, hot loop, vectorisation, page faults, cache, what they point at, what is missing; a line each."""
    lines = []
    if profile.roofline is not None:
        lines.append(f"roofline: {_roofline(profile.roofline)}")
    if profile.hot_loop is not None:
        lines.append(f"hot loop: {_hot_loop(profile.hot_loop)}")
    lines += [f"vectorisation: {text}" for text in _remarks(profile)]
    if profile.page_faults is not None:
        lines.append(f"page faults: {profile.page_faults.value:.0f} per call")
    if profile.cache is not None:
        lines.append(f"cachegrind: {_cache(profile.cache)}")
    lines += [f"points at: {sign.bottleneck.value} ({sign.words})" for sign in profile.signs]
    lines += [f"missing: {part}: {reason}" for part, reason in profile.missing.items()]
    return lines


def _roofline(roofline: Roofline) -> str:
    text = f"{roofline.share.value:.0f} % of the {roofline.bound} roof"
    if roofline.bandwidth is not None:
        text += f"; {roofline.bandwidth.value:.1f}{_of(roofline.bandwidth_roof)} GB/s of least traffic"
    if roofline.rate is not None:
        text += f"; {roofline.rate.value:.1f}{_of(roofline.rate_roof)} GFLOP/s"
    if roofline.intensity is not None:
        text += f"; {roofline.intensity.value:.2g} flop/B"
    return text


def _of(roof: Metric | None) -> str:
    return f" of {roof.value:.1f}" if roof is not None else ""


def _hot_loop(loop: HotLoop) -> str:
    width = f"{loop.vector_bits}-bit vectors" if loop.vector_bits else "no vectors"
    parts = [f"line {loop.line}: {loop.instructions} instructions, {width}"]
    if loop.share is not None:
        parts.append(f"{loop.share.value:.0f} % of the kernel's instructions stand on its lines")
    counts = {
        "loads": loop.loads,
        "stores": loop.stores,
        "of these past the cache": loop.streaming_stores,
        "gathers": loop.gathers,
        "divisions": loop.divisions,
        "operations on single elements": loop.scalar_operations,
    }
    parts += [f"{count} {what}" for what, count in counts.items() if count]
    if loop.calls:
        parts.append(f"calls {', '.join(loop.calls)}")
    if loop.cycles is not None and loop.least_cycles is not None:
        parts.append(
            f"llvm-mca for {loop.model}: {loop.cycles.value:.1f} cycles per iteration, "
            f"{loop.least_cycles.value:.1f} without dependence"
        )
    for waits, what in ((loop.dependence, "registers wait"), (loop.pressure, "units are short")):
        if waits is not None and waits.value >= 1:
            parts.append(f"{what} in {waits.value:.0f} % of them")
    return "; ".join(parts)


def _remarks(profile: KernelProfile) -> list[str]:
    return [
        f"line {remark.line}: {8 * remark.vector_bytes}-bit vectors"
        if remark.vectorised
        else f"line {remark.line}: not vectorised: {remark.reason}"
        for remark in profile.loops[:_MOST_REMARKS]
    ]


def _cache(cache: CacheCounts) -> str:
    shape = ", ".join(f"{name} = {size}" for name, size in cache.shape.items())
    return (
        f"one call at {shape} (AVX2 build): {cache.instructions.value:,.0f} instructions, "
        f"{cache.first_level_misses.value:,.0f} lines missed the first cache, {cache.last_level_misses.value:,.0f} the "
        f"last one of {cache.last_level_bytes // 1024} KiB: {cache.traffic_ratio.value:.2f} times the least"
    )
