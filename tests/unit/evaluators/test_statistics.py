"""Rank intervals: coverage by simulation, pairing, the rule of what counts as a gain."""

from __future__ import annotations

import random

import pytest

from evaluators.statistics import Estimate, is_distinguishable, median_interval, median_rank, paired_ratio


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
