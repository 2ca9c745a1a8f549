"""From figures to bottlenecks, strongest first. Rules with named bounds; each sign carries the figures it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nightforge.domain.profile import Bottleneck, CacheCounts, HotLoop, LoopRemark, Roofline, Sign

MANY_PAGE_FAULTS = 100.0
"""Per call."""
NEAR_ROOF_PCT = 90.0
MEMORY_EXPLAINS_PCT = 55.0
"""Share of the roof times traffic over the least traffic: from here on it is the memory that the time goes to."""
MUCH_TRAFFIC = 1.25
"""Lines fetched over the least traffic."""
MUCH_REFETCH = 3.0
LONG_CHAIN = 1.5
"""Cycles of the loop over those that its instructions need without dependence."""
WAITING_PCT = 20.0
_VECTOR_CALL = "_ZGV"


@dataclass(frozen=True)
class Facts:
    roofline: Roofline | None
    hot_loop: HotLoop | None
    loops: Sequence[LoopRemark]
    cache: CacheCounts | None
    page_faults: float
    beyond_cache: bool
    """The timed data is larger than the last cache."""
    writes_only: bool = True
    """There is an output that the kernel need not read."""

    @property
    def share(self) -> float:
        return self.roofline.share.value if self.roofline is not None else 0.0

    @property
    def is_memory(self) -> bool:
        return self.roofline is None or self.roofline.bound == "memory"

    @property
    def memory_explains(self) -> bool:
        """Whether bytes, those moved more than once included, account for most of the time."""
        moved = self.cache.traffic_ratio.value if self.cache is not None and self.beyond_cache else 1.0
        return self.is_memory and self.share * max(1.0, moved) >= MEMORY_EXPLAINS_PCT


def read_signs(facts: Facts) -> tuple[Sign, ...]:
    """At least one wherever the program was timed against a roof."""
    memory = (_traffic, _store_traffic, _refetch)
    loop = (_scalar_calls, _not_vectorised, _gather, _latency)
    middle = (*memory, *loop) if facts.memory_explains else (*loop, *memory)
    rules = (_page_faults, _near_roof, *middle, _what_is_left)
    found: dict[Bottleneck, Sign] = {}
    for rule in rules:
        for sign in rule(facts):
            found.setdefault(sign.bottleneck, sign)
    return tuple(found.values())


Rule = Callable[[Facts], Iterator[Sign]]


def _page_faults(facts: Facts) -> Iterator[Sign]:
    if facts.page_faults > MANY_PAGE_FAULTS:
        yield Sign(bottleneck=Bottleneck.PAGE_FAULTS, words=f"{facts.page_faults:.0f} page faults per call")


def _near_roof(facts: Facts) -> Iterator[Sign]:
    if facts.roofline is not None and facts.share >= NEAR_ROOF_PCT:
        yield Sign(bottleneck=Bottleneck.NEAR_ROOF, words=f"{facts.share:.0f} % of the {facts.roofline.bound} roof")


def _traffic(facts: Facts) -> Iterator[Sign]:
    cache = facts.cache
    if cache is not None and facts.is_memory and facts.beyond_cache and cache.traffic_ratio.value >= MUCH_TRAFFIC:
        times = f"{cache.traffic_ratio.value:.1f} times"
        words = f"fetches {times} the least bytes, at {facts.share:.0f} % of the memory roof"
        yield Sign(bottleneck=Bottleneck.MEMORY_BOUND, words=words)


def _store_traffic(facts: Facts) -> Iterator[Sign]:
    loop = facts.hot_loop
    if loop is None or not loop.stores or loop.streaming_stores:
        return
    if facts.is_memory and facts.beyond_cache and facts.writes_only:
        words = f"no store of the loop at line {loop.line} goes past the cache: each reads its line first"
        yield Sign(bottleneck=Bottleneck.STORE_TRAFFIC, words=words)


def _refetch(facts: Facts) -> Iterator[Sign]:
    cache = facts.cache
    if cache is not None and cache.traffic_ratio.value >= MUCH_REFETCH:
        words = f"{cache.traffic_ratio.value:.1f} times the least bytes come from beyond the last cache"
        yield Sign(bottleneck=Bottleneck.CACHE_MISSES, words=words)


def _scalar_calls(facts: Facts) -> Iterator[Sign]:
    loop = facts.hot_loop
    if loop is None:
        return
    calls = [name for name in loop.calls if not name.startswith(_VECTOR_CALL)]
    if calls:
        words = f"the loop at line {loop.line} calls {', '.join(calls[:3])} for single elements"
        yield Sign(bottleneck=Bottleneck.SLOW_CALL, words=words)
    elif loop.divisions:
        words = f"{loop.divisions} divisions or square roots in the loop at line {loop.line}"
        yield Sign(bottleneck=Bottleneck.SLOW_CALL, words=words)


def _not_vectorised(facts: Facts) -> Iterator[Sign]:
    loop = facts.hot_loop
    if loop is None or not loop.scalar_operations or loop.packed_operations:
        return
    nearest = min(
        (remark for remark in facts.loops if not remark.vectorised),
        key=lambda remark: abs(remark.line - loop.line),
        default=None,
    )
    why = f"; gcc on line {nearest.line}: {nearest.reason}" if nearest is not None else ""
    words = f"the loop at line {loop.line} computes one element at a time{why}"
    yield Sign(bottleneck=Bottleneck.NOT_VECTORISED, words=words)


def _gather(facts: Facts) -> Iterator[Sign]:
    loop = facts.hot_loop
    if loop is not None and loop.gathers:
        words = f"{loop.gathers} gathers in the loop at line {loop.line}"
        yield Sign(bottleneck=Bottleneck.GATHER, words=words)


def _latency(facts: Facts) -> Iterator[Sign]:
    loop = facts.hot_loop
    if loop is None or loop.cycles is None or loop.least_cycles is None or loop.dependence is None:
        return
    if loop.cycles.value >= LONG_CHAIN * loop.least_cycles.value and loop.dependence.value >= WAITING_PCT:
        words = (
            f"the loop at line {loop.line} takes {loop.cycles.value:.1f} cycles, {loop.least_cycles.value:.1f} without "
            f"dependence ({loop.model}); registers wait in {loop.dependence.value:.0f} % of them"
        )
        yield Sign(bottleneck=Bottleneck.LATENCY_BOUND, words=words)


def _what_is_left(facts: Facts) -> Iterator[Sign]:
    if facts.roofline is None:
        return
    at = f"{facts.share:.0f} % of the {facts.roofline.bound} roof"
    if facts.memory_explains:
        yield Sign(bottleneck=Bottleneck.MEMORY_BOUND, words=at)
    else:
        loop = facts.hot_loop
        width = f", {loop.vector_bits}-bit vectors in the hot loop" if loop is not None and loop.vector_bits else ""
        yield Sign(bottleneck=Bottleneck.COMPUTE_BOUND, words=at + width)
