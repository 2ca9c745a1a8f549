"""A bound that the reference cannot hold under another condition is held as the reference holds it."""

from __future__ import annotations

import pytest

from evaluators.accelerators.rtl_confirm import constraints_under, held_gain
from evaluators.accelerators.rtl_flow import Figures
from nightforge.domain.evidence import Baseline, Calibration, Metric
from nightforge.domain.task import Constraint

BOUND = Constraint(metric="delay_ns", relation="<=", bound=4.5, unit="ns")


def calibration(loaded_ns: float) -> Calibration:
    metrics = {"delay_ns": Metric(value=4.4, unit="ns"), "delay_ns.loaded": Metric(value=loaded_ns, unit="ns")}
    others = {"delay_ns": Metric(value=1.0, unit="ns"), "delay_ns.loaded": Metric(value=99.0, unit="ns")}
    return Calibration(
        baselines=(
            Baseline(name="other", title="other", metrics=others),
            Baseline(name="known", title="known", metrics=metrics),
        ),
        reference="known",
        noise=Metric(value=0.0, unit="ns"),
        band=0.002,
        room_reason="none",
        machine={},
        seconds_per_evaluation=1.0,
    )


@pytest.mark.parametrize(
    ("known", "suffix", "bound"),
    [
        (calibration(6.0), ".loaded", 6.0),
        (calibration(4.0), ".loaded", 4.5),
        (calibration(6.0), "", 4.5),
        (calibration(6.0), ".elsewhere", 4.5),
        (None, ".loaded", 4.5),
    ],
)
def test_the_bound_is_as_loose_as_the_reference_needs(known: Calibration | None, suffix: str, bound: float) -> None:
    assert [one.bound for one in constraints_under((BOUND,), known, suffix)] == [bound]


@pytest.mark.parametrize(
    ("delay_ns", "gain", "expected"),
    [(6.0, 1.2, 1.2), (5.0, 0.9, 0.9), (7.5, 1.2, 0.8), (7.5, 0.7, 0.7)],
)
def test_what_a_broken_bound_saves_is_a_loss(delay_ns: float, gain: float, expected: float) -> None:
    bound = BOUND.model_copy(update={"bound": 6.0})
    held, broken = held_gain(gain, Figures("delay", 1000.0, delay_ns, 10), (bound,))
    assert held == pytest.approx(expected)
    assert bool(broken) == (delay_ns > 6.0)


def test_bounds_on_what_mapping_does_not_give_are_passed_over() -> None:
    proved = Constraint(metric="proved", relation=">=", bound=1.0, unit="")
    assert held_gain(1.5, Figures("delay", 1000.0, 9.0, 10), (proved,)) == (1.5, "")
