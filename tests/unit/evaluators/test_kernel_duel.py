"""Duels: what is decided from which numbers, and real kernels in the same rounds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from evaluators.kernels import duel
from evaluators.kernels.evaluator import KernelEvaluator
from evaluators.statistics import Estimate, bootstrap_mean, bootstrap_ratio
from nightforge.catalogue import find_task
from nightforge.domain.base import Scalar
from nightforge.domain.duel import DuelFinding, OffersDuels
from sandbox import open_sandbox

QUIET = Estimate(1.0, 0.99, 1.01, 30)


@pytest.mark.parametrize(
    ("gain", "control", "verdict"),
    [
        (Estimate(1.10, 1.08, 1.12, 30), QUIET, "challenger"),
        (Estimate(0.90, 0.88, 0.92, 30), QUIET, "champion"),
        (Estimate(1.02, 0.99, 1.05, 30), QUIET, "not distinguishable"),
        (Estimate(1.005, 1.001, 1.009, 30), QUIET, "not distinguishable"),
        (Estimate(1.10, 1.08, 1.12, 30), Estimate(1.06, 1.01, 1.12, 30), "not distinguishable"),
        (Estimate(0.90, 0.88, 0.92, 30), Estimate(0.95, 0.89, 1.00, 30), "not distinguishable"),
    ],
)
def test_a_gain_must_exclude_one_and_exceed_all_that_the_twin_shows(
    gain: Estimate, control: Estimate, verdict: str
) -> None:
    assert duel.decide(gain, control) == verdict


def test_pairs_are_drawn_as_pairs() -> None:
    """A drift that both of a pair see leaves the ratio as it is."""
    drift = [1.0 + number for number in range(30)]
    found = bootstrap_ratio([2.0 * value for value in drift], drift)
    assert (found.value, found.low, found.high, found.samples) == (2.0, 2.0, 2.0, 30)


def test_nothing_to_draw_from_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_mean([])
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_ratio([], [])


async def fight(champion: str, challenger: str, *, rows: int = 1024) -> DuelFinding:
    task = find_task("rmsnorm")
    evaluator = KernelEvaluator(open_sandbox())
    assert isinstance(evaluator, OffersDuels)
    parameters: Mapping[str, Scalar] = {**{each.name: each.default for each in task.parameters}, "rows": rows}
    return await evaluator.duel(task.read(champion), task.read(challenger), task, parameters, seed=11)


@pytest.mark.box
@pytest.mark.parametrize(
    ("champion", "challenger", "better"),
    [
        ("seed.c", "c_fast.c", "challenger"),
        pytest.param("c_fast.c", "seed.c", "champion", marks=pytest.mark.slow),
    ],
)
async def test_a_kernel_of_half_the_speed_never_wins(champion: str, challenger: str, better: str) -> None:
    """Also on a loaded machine: too noisy is an answer, the wrong one of the two is none."""
    assert (await fight(champion, challenger, rows=8192)).verdict in {better, "too noisy"}


@pytest.mark.box
async def test_a_wrong_kernel_fails_its_duel() -> None:
    found = await fight("c_fast.c", "known/sampled.c")
    assert found.verdict == "failed"
    assert "wrong_output" in found.reason


@pytest.mark.box
async def test_a_loud_window_is_measured_again_and_never_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duel, "LOUDEST", -1.0)
    found = await fight("seed.c", "c_fast.c")
    assert found.verdict == "too noisy"
    assert len(found.windows) == duel.WINDOWS
    assert all(window.noise for window in found.windows)
    assert all({"load", "page_faults"} <= set(window.facts) for window in found.windows)
