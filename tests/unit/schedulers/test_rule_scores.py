"""From costs to scores, and who is raced out."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.schedulers.problem import Instance
from evaluators.schedulers.racing import Paddock, estimated, is_behind, is_hopeless
from evaluators.schedulers.scoring import BEST_GAIN, OK, WORST_GAIN, Row, Yardstick, sign_test, summarise, worst_decile
from evaluators.schedulers.sets import Case, interleaved
from evaluators.schedulers.spec import Race


def _row(cost: int | Fraction | None, *, name: str = "a", baseline: int = 20, reference: int = 10) -> Row:
    yardstick = Yardstick(baseline, reference, reference, is_proven=True)
    return Row(name, "g", OK if cost is not None else "crash", yardstick, cost)


@pytest.mark.parametrize(
    ("cost", "gain"),
    [(20, 0.0), (10, 1.0), (15, 0.5), (Fraction(25, 2), 0.75), (40, WORST_GAIN), (5, BEST_GAIN), (None, WORST_GAIN)],
)
def test_gain_is_the_closed_share_of_the_gap(cost: int | Fraction | None, gain: float) -> None:
    assert _row(cost).gain == gain


def test_only_what_is_below_the_bound_is_an_alarm() -> None:
    assert _row(9).beyond_bound
    assert not _row(10).beyond_bound
    assert not _row(None).beyond_bound


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(5, 60)), min_size=1, max_size=30))
def test_a_failure_never_raises_the_mean(costs: list[int | None]) -> None:
    honest = summarise([_row(60 if cost is None else cost) for cost in costs])
    failing = summarise([_row(cost) for cost in costs])
    assert failing["gap_closed"].value <= honest["gap_closed"].value
    assert failing["wins"].value <= honest["wins"].value


def test_worst_decile_is_the_mean_of_the_worst_tenth() -> None:
    assert worst_decile([float(number) for number in range(20)]) == 0.5
    assert worst_decile([3.0]) == 3.0


@pytest.mark.parametrize(("wins", "losses", "p"), [(0, 0, 1.0), (5, 0, 0.0625), (8, 1, 0.0390625), (3, 3, 1.0)])
def test_sign_test_is_the_binomial_tail(wins: int, losses: int, p: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(p)


def test_the_clearly_worse_is_raced_out_and_nobody_else() -> None:
    race = Race(after=4, sigmas=3.0, tolerance=0.1)
    names = [str(number) for number in range(10)]
    paddock = Paddock()
    best = [_row(12 + number % 3, name=name) for number, name in enumerate(names)]
    paddock.remember(0.7, best)
    (known,) = paddock.gains_of(0.7) or ()
    worse = [_row(18 + number % 2, name=name) for number, name in enumerate(names)]
    alike = [_row(13 - number % 2, name=name) for number, name in enumerate(names)]
    assert not is_hopeless(worse[:3], known, race)
    assert is_hopeless(worse[:6], known, race)
    assert not is_hopeless(alike, known, race)
    assert not is_hopeless(best, known, race)
    # Of a best that was not evaluated here (after a restart), nothing is known: nobody is dropped.
    assert paddock.gains_of(0.71) is None
    assert not is_hopeless(worse, None, race)
    assert not is_hopeless(worse, {"another set's": 0.8}, race)


def test_who_is_a_little_worse_stops_and_stays_a_parent() -> None:
    race = Race(after=4, sigmas=2.0, tolerance=0.3)
    best = {str(number): 0.8 for number in range(10)}
    little = [_row(14, name=name) for name in best]
    assert is_behind(little, best, race)
    assert not is_hopeless(little, best, race)
    assert not is_behind(little[:3], best, race)
    assert is_hopeless([_row(18, name=name) for name in best], best, race)


@settings(deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=4, max_size=10), st.integers(0, 15))
def test_a_score_from_some_instances_knows_how_hard_these_are(noise: list[int], worse: int) -> None:
    """Whoever is worse by the same everywhere is estimated as it would be on all, whichever part it played."""
    best = {str(place): 0.5 + one / 100 for place, one in enumerate(noise)}
    rows = [
        _row(1000 + worse - round(1000 * gain), name=name, baseline=1000, reference=0) for name, gain in best.items()
    ]
    whole = summarise(rows)["gap_closed"]
    for part in (rows[:2], rows[-3:]):
        found = estimated(summarise(part)["gap_closed"], part, best)
        assert found.value == pytest.approx(whole.value)
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high


def test_the_paddock_keeps_the_best() -> None:
    paddock = Paddock()
    for number in range(600):
        paddock.remember(number / 1000, [_row(12)])
    assert paddock.gains_of(0.599) is not None
    assert paddock.gains_of(0.0) is None


def test_a_race_sees_every_group_early() -> None:
    groups = ["a"] * 6 + ["b"] * 2 + ["c"]
    cases = [Case(Instance(f"{at}", group, {}), _row(12).yardstick) for at, group in enumerate(groups)]
    mixed = interleaved(cases)
    assert sorted(case.instance.name for case in mixed) == sorted(case.instance.name for case in cases)
    assert "".join(case.instance.group for case in mixed) == "aabacaaba"
