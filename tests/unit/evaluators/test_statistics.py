"""Rank intervals: coverage by simulation, pairing, the rule of what counts as a gain."""

from __future__ import annotations

import random

import pytest

from evaluators.statistics import (
    Estimate,
    bootstrap_mean,
    bootstrap_ratio,
    is_distinguishable,
    median_interval,
    median_rank,
    paired_ratio,
)


@pytest.mark.parametrize(("count", "rank"), [(1, 1), (5, 1), (6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (22, 6)])
def test_rank_follows_the_binomial_sign_interval(count: int, rank: int) -> None:
    assert median_rank(count) == rank


@pytest.mark.parametrize("count", [6, 11, 22])
def test_interval_covers_the_true_median_for_skewed_noise(count: int) -> None:
    rng = random.Random(20261120)
    trials = 2000
    held = 0
    for _ in range(trials):
        estimate = median_interval([rng.lognormvariate(0.0, 0.7) for _ in range(count)])
        held += estimate.low <= 1.0 <= estimate.high
    assert held / trials >= 0.94


def test_median_and_bounds_of_known_samples() -> None:
    estimate = median_interval([9.0, 1.0, 5.0, 3.0, 7.0, 2.0, 8.0, 4.0, 6.0])
    assert (estimate.low, estimate.value, estimate.high, estimate.samples) == (2.0, 5.0, 8.0, 9)


def test_no_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        median_interval([])


def test_pairing_cancels_a_drift_that_both_sides_share() -> None:
    drift = [1.0, 3.0, 2.0, 10.0, 1.5, 4.0, 2.5]
    ratio = paired_ratio([2.0 * value for value in drift], drift)
    assert (ratio.low, ratio.value, ratio.high) == (2.0, 2.0, 2.0)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("gain", "noise", "control", "expected"),
    [
        (Estimate(1.20, 1.15, 1.25, 11), 0.02, 1.01, True),
        (Estimate(1.20, 0.99, 1.40, 11), 0.02, 1.01, False),
        (Estimate(1.03, 1.02, 1.04, 11), 0.02, 1.00, False),
        (Estimate(1.05, 1.04, 1.06, 11), 0.01, 0.94, False),
        (Estimate(0.80, 0.75, 0.85, 11), 0.02, 1.00, True),
    ],
)
def test_a_gain_must_leave_noise_and_control_behind(
    gain: Estimate, noise: float, control: float, expected: bool
) -> None:
    assert is_distinguishable(gain, noise=noise, control=control) is expected


SCIPY_TOPS = [1.5, 0.95, 1.27, 1.15, 1.17, 1.2, 1.0, 1.19, 1.12, 1.7, 1.25, 1.18, 1.19, 1.14, 1.1]
SCIPY_BOTTOMS = [0.96, 1.05, 0.98, 1.1, 0.98, 1.0, 1.17, 1.06, 0.95, 0.98, 1.06, 1.21, 0.97, 0.98, 1.11]


@pytest.mark.parametrize(
    ("count", "low", "high"), [(6, 0.904762, 1.5625), (9, 0.904762, 1.295918), (15, 0.990991, 1.226804)]
)
def test_the_rank_interval_is_that_of_scipys_quantile_test(count: int, low: float, high: float) -> None:
    """scipy 1.17.1: stats.quantile_test(ratios, q=0, p=0.5).confidence_interval(0.95)."""
    found = paired_ratio(SCIPY_TOPS[:count], SCIPY_BOTTOMS[:count])
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-6)


def test_bootstrap_intervals_are_those_of_scipy() -> None:
    """scipy 1.17.1: stats.bootstrap(..., method="percentile", n_resamples=99999), up to the resampling."""
    ratio = bootstrap_ratio(SCIPY_TOPS, SCIPY_BOTTOMS)
    assert [ratio.low, ratio.high] == pytest.approx([0.990991, 1.226804], abs=1e-3)
    mean = bootstrap_mean([1.31, 1.42, 1.18, 1.55, 1.29])
    assert mean.value == pytest.approx(1.35)
    assert [mean.low, mean.high] == pytest.approx([1.25, 1.472], abs=0.02)
    assert mean == bootstrap_mean([1.31, 1.42, 1.18, 1.55, 1.29]), "the same samples give the same interval"


def test_the_bootstrap_covers_as_often_as_it_says_it_does() -> None:
    """Nineteen in twenty from many samples; from five about four in five, which the pages say."""
    rng = random.Random(1)

    def covered(count: int) -> float:
        hits = 0
        for _ in range(300):
            found = bootstrap_mean([rng.gauss(1.0, 0.2) for _ in range(count)], resamples=999)
            hits += found.low <= 1.0 <= found.high
        return hits / 300

    assert 0.90 < covered(40) < 0.99
    assert 0.74 < covered(5) < 0.92
