"""What a replay calls agreement."""

from __future__ import annotations

from nightforge.domain.artifact import changed_tools, compare
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.words import Outcome, SandboxTier


def evidence(
    value: float, *, half: float = 0.0, proof: str = "cec", version: str = "1", fails: bool = False
) -> Evidence:
    metric = Metric(value=value, unit="um2", low=value - half, high=value + half) if half else Metric(value=value)
    stage = StageEvidence(
        stage="prove",
        outcome=Outcome.FAIL if fails else Outcome.PASS,
        reason="wrong_output" if fails else "",
        metrics={"area_um2": metric},
        tools={"yosys": version, "proof": proof},
    )
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))


def test_equal_figures_agree_and_others_do_not() -> None:
    assert compare(evidence(100.0), evidence(100.0)) == ()
    (found,) = compare(evidence(100.0), evidence(100.001))
    assert (found.what, found.stored, found.found) == ("area_um2", "100", "100.001")


def test_within_the_band_or_where_intervals_meet() -> None:
    assert compare(evidence(100.0), evidence(101.0), band=0.02) == ()
    assert compare(evidence(100.0), evidence(103.0), band=0.02) != ()
    assert compare(evidence(100.0, half=2.0), evidence(103.0, half=2.0)) == ()
    assert compare(evidence(100.0, half=1.0), evidence(103.0, half=1.0)) != ()


def test_only_what_is_judged() -> None:
    assert compare(evidence(100.0), evidence(200.0), only=("delay_ns",)) == ()


def test_a_weaker_proof_is_no_agreement() -> None:
    (found,) = compare(evidence(1.0), evidence(1.0, proof="none"))
    assert (found.what, found.stored, found.found) == ("proof", "cec", "none")


def test_another_end_is_all_that_is_told() -> None:
    (found,) = compare(evidence(1.0), evidence(2.0, fails=True))
    assert (found.what, found.found) == ("outcome", "prove: wrong_output")


def test_tools_that_changed_are_named() -> None:
    assert changed_tools(evidence(1.0), evidence(1.0, version="2")) == {"yosys": ("1", "2")}
    assert changed_tools(evidence(1.0), evidence(1.0, proof="none")) == {}
