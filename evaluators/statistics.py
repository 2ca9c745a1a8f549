"""Medians with rank-based intervals, bootstrap intervals for small samples: no assumption on the shape of the noise.

scipy has both, and weighs over 100 MB, which the core has no room for: the tests hold these against its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from nightforge.domain.evidence import Metric


@dataclass(frozen=True)
class Estimate:
    """A median and the order statistics that bracket it."""

    value: float
    low: float
    high: float
    samples: int

    def metric(self, unit: str = "") -> Metric:
        return Metric(value=self.value, low=self.low, high=self.high, unit=unit, samples=self.samples)

    def scaled(self, factor: float) -> Estimate:
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.samples)

    @property
    def spread(self) -> float:
        """Half the interval's width, relative to the value."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else 0.0


def median_rank(count: int, confidence: float = 0.95) -> int:
    """Rank k (from 1) such that [x_k, x_(count+1-k)] covers the median with at least `confidence`.

    Binomial sign interval; below six samples no interval reaches 95 %, and rank 1 (the full range) is given.
    """
    tail = 0.0
    rank = 1
    for k in range(1, count // 2 + 1):
        tail += comb(count, k - 1) / 2**count
        if 1 - 2 * tail < confidence:
            break
        rank = k
    return rank


def median_interval(samples: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The median of at least one sample, with its distribution-free interval."""
    if not samples:
        raise ValueError("a median needs at least one sample")
    ordered = sorted(samples)
    rank = median_rank(len(ordered), confidence)
    return Estimate(median(ordered), ordered[rank - 1], ordered[-rank], len(ordered))


def bootstrap_mean(samples: Sequence[float], confidence: float = 0.95, *, resamples: int = 9999) -> Estimate:
    """The mean of at least one sample, with its percentile bootstrap interval (Efron, 1979).

    The same samples give the same interval: the generator is seeded. From few samples (five, say) it is too narrow,
    covering about four in five instead of nineteen in twenty; a single one has the interval [x, x].
    """
    if not samples:
        raise ValueError("a mean needs at least one sample")
    values = np.asarray(samples, dtype=np.float64)
    means = _times_drawn(values.size, resamples) @ values / values.size
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    value = fmean(samples)
    return Estimate(value, min(float(low), value), max(float(high), value), len(samples))


@lru_cache(maxsize=4)
def _times_drawn(count: int, resamples: int) -> NDArray[np.float64]:
    """How often each of `count` samples is in each resample: the same for all samples of one size."""
    drawn = np.random.Generator(np.random.PCG64(0)).integers(0, count, size=(resamples, count))
    places = drawn + np.arange(resamples)[:, np.newaxis] * count
    return np.bincount(places.ravel(), minlength=resamples * count).reshape(resamples, count).astype(np.float64)


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """Median of per-round ratios: both values of a pair saw the same data at nearly the same time."""
    return median_interval([top / bottom for top, bottom in zip(numerators, denominators, strict=True)])


def bootstrap_ratio(
    numerators: Sequence[float], denominators: Sequence[float], confidence: float = 0.95, *, resamples: int = 4999
) -> Estimate:
    """Median of the ratios of paired rounds, with its percentile bootstrap interval; pairs are drawn as pairs."""
    if not numerators:
        raise ValueError("a ratio needs at least one pair")
    ratios = np.asarray(numerators, dtype=np.float64) / np.asarray(denominators, dtype=np.float64)
    rng = np.random.Generator(np.random.PCG64(0))
    medians = np.median(rng.choice(ratios, size=(resamples, ratios.size)), axis=1)
    low, high = np.quantile(medians, [(1 - confidence) / 2, (1 + confidence) / 2])
    value = float(np.median(ratios))
    return Estimate(value, min(float(low), value), max(float(high), value), int(ratios.size))


def is_distinguishable(gain: Estimate, *, noise: float, control: float) -> bool:
    """True when a ratio's distance from 1 exceeds max(2 x A/A noise, the control's deviation), and its interval
    excludes 1."""
    excludes_one = gain.low > 1.0 or gain.high < 1.0
    return excludes_one and abs(gain.value - 1.0) > max(2 * noise, abs(control - 1.0))
