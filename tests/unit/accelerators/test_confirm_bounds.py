"""A bound that the reference cannot hold under another condition is held as the reference holds it."""

from __future__ import annotations

import pytest

from evaluators.accelerators.rtl_confirm import constraints_under
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
