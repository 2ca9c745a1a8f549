"""The proof: equal designs are proven by the right class, one wrong input of 2^32 is found, time-outs prove nothing."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netlist_circuits import Builder, kogge_stone_adder, multiplier, random_netlists, ripple_adder

from evaluators.accelerators.engine import Comparison, NetlistEngine
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.prove import Proof, ProofClass, prove
from nightforge.domain.ports import Sandbox

SHARED_ENGINE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)


def proven(engine: NetlistEngine, box: Sandbox, golden: Netlist, candidate: Netlist, limit_s: float = 60.0) -> Proof:
    return asyncio.run(prove(engine, box, golden, candidate, limit_s=limit_s))


def never() -> bool:
    return False


@SHARED_ENGINE
@given(
    pair=st.integers(1, 5).flatmap(lambda width: st.tuples(*[random_netlists(most_width=5)] * 2)), seed=st.integers()
)
def test_the_proof_agrees_with_trying_every_input(
    engine: NetlistEngine, pair: tuple[Netlist, Netlist], seed: int
) -> None:
    """Random logic, most pairs unequal: the class and the counterexample against plain evaluation."""
    golden, candidate = pair
    if golden.input_bits != candidate.input_bits or golden.output_bits != candidate.output_bits:
        return
    width = golden.inputs[0].width
    differing = [
        number
        for number in range(1 << 2 * width)
        if golden.evaluate({"a": number & ((1 << width) - 1), "b": number >> width})
        != candidate.evaluate({"a": number & ((1 << width) - 1), "b": number >> width})
    ]
    found = engine.find_difference(golden, candidate, is_late=never)
    assert (found is None) == (not differing)
    assert found is None or found in differing


@SHARED_ENGINE
@given(netlist=random_netlists(most_width=6, most_gates=90), number=st.integers(0, (1 << 12) - 1))
def test_one_wrong_input_is_found(engine: NetlistEngine, netlist: Netlist, number: int) -> None:
    """Any circuit against itself with one input answered wrongly."""
    build = Builder(netlist.inputs[0].width, list(netlist.gates))
    number &= (1 << 2 * build.width) - 1
    outputs = list(netlist.outputs[0].bits)
    outputs[-1] = build.wrong_on(number, outputs[-1])
    assert engine.find_difference(netlist, build.netlist(outputs), is_late=never) == number
    assert engine.find_difference(netlist, netlist, is_late=never) is None


def test_small_designs_are_proven_exhaustively(engine: NetlistEngine, box: Sandbox) -> None:
    found = proven(engine, box, multiplier(8), multiplier(8, rows_first=True))
    assert (found.kind, found.is_proven) == (ProofClass.EXHAUSTIVE, True)
    assert "2^16" in found.reason


@pytest.mark.parametrize("wrong", [0, 0x0EADBEEF, pytest.param(0xDEADBEEF, marks=pytest.mark.slow)])
def test_one_wrong_input_of_all_of_a_16_bit_multiplier(compiled: NetlistEngine, box: Sandbox, wrong: int) -> None:
    found = proven(compiled, box, multiplier(16), multiplier(16, rows_first=True, wrong_on=wrong))
    assert found.kind is ProofClass.EXHAUSTIVE
    assert not found.is_proven
    assert found.mismatch is not None
    assert found.mismatch.inputs == {"a": wrong & 0xFFFF, "b": wrong >> 16}
    assert found.mismatch.expected["y"] == (wrong & 0xFFFF) * (wrong >> 16)
    assert found.mismatch.got["y"] == found.mismatch.expected["y"] ^ 1 << 31


@pytest.mark.slow
def test_all_inputs_of_a_16_bit_multiplier(compiled: NetlistEngine, box: Sandbox) -> None:
    found = proven(compiled, box, multiplier(16), multiplier(16, rows_first=True), limit_s=120.0)
    assert (found.kind, found.is_proven) == (ProofClass.EXHAUSTIVE, True)


def test_threads_share_the_work(compiled: NetlistEngine) -> None:
    golden = multiplier(13)
    assert compiled.find_difference(golden, multiplier(13, rows_first=True), is_late=never, threads=2) is None
    wrong = multiplier(13, wrong_on=(1 << 26) - 2)
    assert compiled.find_difference(golden, wrong, is_late=never, threads=2) == (1 << 26) - 2


def test_wide_adders_go_to_abc(compiled: NetlistEngine, box: Sandbox) -> None:
    found = proven(compiled, box, ripple_adder(64), kogge_stone_adder(64))
    assert (found.kind, found.is_proven) == (ProofClass.CEC, True)


def test_one_wrong_input_of_2_to_the_128(compiled: NetlistEngine, box: Sandbox) -> None:
    """Cheat 24, out of reach of any number of vectors."""
    number = 0x0123456789ABCDEF_FEDCBA9876543210
    found = proven(compiled, box, ripple_adder(64), kogge_stone_adder(64, wrong_on=number))
    assert found.mismatch is not None
    assert not found.is_proven
    assert found.mismatch.inputs == {"a": number & (1 << 64) - 1, "b": number >> 64}


@pytest.mark.parametrize("output", [0, 5, 39])
def test_a_counterexample_has_inputs_that_the_golden_output_does_not_read(
    compiled: NetlistEngine, box: Sandbox, output: int
) -> None:
    golden = ripple_adder(40)
    number = 0x9_DEADBEEF_1_01234567 | 1 << 79
    build = Builder(40, list(golden.gates))
    outputs = list(golden.outputs[0].bits)
    outputs[output] = build.wrong_on(number, outputs[output])
    found = proven(compiled, box, golden, build.netlist(outputs))
    assert found.mismatch is not None
    assert found.mismatch.inputs == {"a": number & (1 << 40) - 1, "b": number >> 40}
    assert found.mismatch.got["y"] == found.mismatch.expected["y"] ^ 1 << output


def test_a_proof_that_times_out_proves_nothing(compiled: NetlistEngine, box: Sandbox) -> None:
    late = proven(compiled, box, multiplier(16), multiplier(16, rows_first=True), limit_s=0.02)
    assert (late.kind, late.is_proven, late.mismatch) == (ProofClass.NONE, False, None)
    assert "proof_timeout" in late.reason
    hard = proven(compiled, box, multiplier(24), multiplier(24, rows_first=True), limit_s=2.0)
    assert (hard.kind, hard.is_proven, hard.mismatch) == (ProofClass.NONE, False, None)
    assert "proof_timeout" in hard.reason


def test_without_a_compiler_only_small_designs_are_tried(box: Sandbox) -> None:
    slow = NetlistEngine(None)
    assert slow.exhaustive_bits == 20
    found = proven(slow, box, ripple_adder(12), kogge_stone_adder(12))
    assert (found.kind, found.is_proven) == (ProofClass.CEC, True)


def test_nets_are_shared_but_gates_are_not(compiled: NetlistEngine) -> None:
    golden, candidate = ripple_adder(4), kogge_stone_adder(4)
    both = Comparison.of(golden, candidate)
    assert both.nets == golden.nets + len(candidate.gates)
    assert len(set(both.gates[:, 4])) == len(both.gates)
    with pytest.raises(ValueError, match="ports"):
        asyncio.run(prove(compiled, None, golden, ripple_adder(5)))  # type: ignore[arg-type]
