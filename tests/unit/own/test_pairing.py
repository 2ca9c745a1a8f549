"""Gains on pairs, and races that end early."""

from __future__ import annotations

import math
from random import Random

import pytest

from evaluators.cascade import CandidateFailed
from evaluators.own.pairing import Paddock, advantage, gain_of, is_hopeless
from evaluators.own.rounds import seeds_of
from evaluators.own.spec import Measure, OwnSettings, Race
from nightforge.errors import EvaluatorFault


def settings(direction: str = "min", compare: str = "ratio") -> OwnSettings:
    measure = Measure.model_validate({"kind": "report", "command": "x", "metric": "m", "direction": direction})
    return OwnSettings.model_validate({"tree": "..", "evolve": ("a",), "measure": measure, "compare": compare})


@pytest.mark.parametrize(
    ("direction", "compare", "own", "other", "better"),
    [
        ("min", "ratio", 2.0, 4.0, True),
        ("max", "ratio", 2.0, 4.0, False),
        ("min", "difference", -1.0, 0.0, True),
        ("max", "difference", -1.0, 0.0, False),
    ],
)
def test_more_is_better_whatever_the_direction(
    direction: str, compare: str, own: float, other: float, better: bool
) -> None:
    asked = settings(direction, compare)
    assert (advantage(own, other, asked) > 0) is better
    assert advantage(own, other, asked) == pytest.approx(-advantage(other, own, asked))
    assert advantage(own, own, asked) == 0


def test_half_the_time_is_a_gain_of_two() -> None:
    gain = gain_of([advantage(2.0, 4.0, settings())] * 4, settings())
    assert [gain.value, gain.low, gain.high] == pytest.approx([2.0] * 3)
    assert gain.samples == 4


def test_a_difference_stays_one() -> None:
    asked = settings("max", "difference")
    assert gain_of([1.0, 3.0], asked).value == 2.0


def test_ratios_of_what_is_not_positive_are_refused_with_the_mend() -> None:
    with pytest.raises(CandidateFailed) as failed:
        advantage(0.0, 1.0, settings())
    assert failed.value.reason == "no_ratio"
    with pytest.raises(EvaluatorFault) as raised:
        advantage(1.0, 0.0, settings())
    assert "difference" in raised.value.hint


def test_common_seeds_show_what_the_scatter_of_seeds_hides() -> None:
    """A gain of 5 % under a scatter of 50 % from seed to seed."""
    draw = Random(1)
    theirs = [math.exp(draw.gauss(0, 0.5)) for _ in range(6)]
    mine = [value * 0.95 * math.exp(draw.gauss(0, 0.01)) for value in theirs]
    gain = gain_of([advantage(a, b, settings()) for a, b in zip(mine, theirs, strict=True)], settings())
    assert gain.low > 1.0
    assert gain.value == pytest.approx(1 / 0.95, rel=0.02)


def test_the_interval_covers_as_often_as_it_says() -> None:
    draw = Random(7)
    covered = 0
    for _ in range(400):
        gain = gain_of([draw.gauss(0.1, 0.05) for _ in range(5)], settings("max", "difference"))
        covered += gain.low <= 0.1 <= gain.high
    assert 360 <= covered <= 396


def test_a_clearly_worse_one_is_hopeless_and_a_near_one_is_not() -> None:
    best = {seed: 0.2 for seed in range(5)}
    race = Race(after=3)
    assert is_hopeless({0: -0.2, 1: -0.21, 2: -0.19}, best, race, 0.0)
    assert not is_hopeless({0: -0.2, 1: -0.21}, best, race, 0.0)
    assert not is_hopeless({0: 0.2, 1: 0.19, 2: 0.21}, best, race, 0.0)
    assert not is_hopeless({0: 0.17, 1: 0.17, 2: 0.17}, best, race, 0.05)
    assert not is_hopeless({9: -1.0, 8: -1.0, 7: -1.0}, best, race, 0.0)
    assert not is_hopeless({0: -1.0, 1: -1.0, 2: -1.0}, None, race, 0.0)


def test_the_paddock_knows_the_best_by_score() -> None:
    paddock = Paddock()
    for score in range(300):
        paddock.remember(float(score), {1: float(score)})
    assert paddock.of(299.0) == {1: 299.0}
    assert paddock.of(0.0) is None
    assert paddock.of(None) is None


def test_seeds_are_distinct_follow_from_the_secret_and_differ_by_purpose() -> None:
    search = seeds_of(5, "search", 40)
    assert search == seeds_of(5, "search", 40)
    assert len(set(search)) == 40
    assert not set(search) & set(seeds_of(5, "hidden", 40))
    assert all(0 <= seed < 2**31 for seed in search)
