"""The simulator against whole numbers, and the vectors that a candidate meets."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netlist_circuits import kogge_stone_adder, multiplier, random_netlists, ripple_adder

from evaluators.accelerators.engine import NetlistEngine, all_inputs
from evaluators.accelerators.netlist import Gate, Netlist, Port
from evaluators.accelerators.simulate import check_vectors, corner_values, evaluate, pack, unpack
from nightforge.errors import EvaluatorFault

SHARED_ENGINE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@given(values=st.lists(st.integers(0, (1 << 70) - 1), min_size=1, max_size=200), width=st.integers(1, 70))
def test_packed_numbers_come_back(values: list[int], width: int) -> None:
    cut = [value & ((1 << width) - 1) for value in values]
    assert unpack(pack(values, width), len(values)) == cut


@SHARED_ENGINE
@given(netlist=random_netlists(), seed=st.integers(0, 1 << 30))
def test_wide_words_agree_with_plain_evaluation(engine: NetlistEngine, netlist: Netlist, seed: int) -> None:
    draw = Random(seed)
    width = netlist.inputs[0].width
    vectors = {name: [draw.getrandbits(width) for _ in range(70)] for name in ("a", "b")}
    wide = evaluate(engine, netlist, vectors)["y"]
    plain = [netlist.evaluate({"a": a, "b": b})["y"] for a, b in zip(vectors["a"], vectors["b"], strict=True)]
    assert wide == plain


@SHARED_ENGINE
@given(pairs=st.lists(st.tuples(st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1)), min_size=1, max_size=80))
def test_adders_add(engine: NetlistEngine, pairs: list[tuple[int, int]]) -> None:
    vectors = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    for netlist in (ripple_adder(40), kogge_stone_adder(40)):
        assert evaluate(engine, netlist, vectors)["y"] == [a + b for a, b in pairs]


@SHARED_ENGINE
@given(pairs=st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1)), min_size=1, max_size=80))
def test_multipliers_multiply(engine: NetlistEngine, pairs: list[tuple[int, int]]) -> None:
    vectors = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    for rows_first in (False, True):
        netlist = multiplier(16, rows_first=rows_first)
        assert evaluate(engine, netlist, vectors)["y"] == [a * b for a, b in pairs]


def test_all_inputs_are_all_inputs() -> None:
    for bits in (1, 3, 7):
        assert unpack(all_inputs(bits), 1 << bits) == list(range(1 << bits))


def test_right_designs_pass(engine: NetlistEngine) -> None:
    assert check_vectors(engine, ripple_adder(32), kogge_stone_adder(32), seed=1) is None
    assert check_vectors(engine, multiplier(8), multiplier(8, rows_first=True), seed=1) is None


@pytest.mark.parametrize("corner", list(itertools.product([0, (1 << 32) - 1, 1 << 31], repeat=2)))
def test_an_error_in_a_corner_is_seen_whatever_the_seed(compiled: NetlistEngine, corner: tuple[int, int]) -> None:
    """Cheat 24: right on random vectors, wrong in corners."""
    wrong = ripple_adder(32, wrong_on=corner[0] | corner[1] << 32)
    for seed in range(3):
        found = check_vectors(compiled, ripple_adder(32), wrong, seed=seed)
        assert found is not None
        assert (found.inputs["a"], found.inputs["b"]) == corner
        assert found.expected["y"] == sum(corner)
        assert found.got["y"] == sum(corner) ^ 1 << 32
        assert f"a = {corner[0]}" in found.describe()
        assert f"should be {sum(corner)}" in found.describe()


def test_the_secret_vectors_are_the_seeds(compiled: NetlistEngine) -> None:
    """Cheat 19: what is right for one seed's vectors only. An error on one in 4096 inputs is not in the corners' list
    at will, and is met by every seed's vectors, each time on other ones."""
    golden = multiplier(12)
    gates = list(golden.gates)
    hit, net = golden.nets - 1, golden.nets
    for bit in (*golden.inputs[0].bits[1:7], *golden.inputs[1].bits[2:8]):
        kind, before = ("AND" if bit % 3 else "ANDNOT"), (1 if net == golden.nets else hit)
        gates.append(Gate(kind, (before, bit), net))  # type: ignore[arg-type]
        hit, net = net, net + 1
    gates.append(Gate("XOR", (golden.outputs[0].bits[0], hit), net))
    wrong = Netlist(golden.inputs, (Port("y", (net, *golden.outputs[0].bits[1:])),), tuple(gates))
    met = [check_vectors(compiled, golden, wrong, seed=seed) for seed in range(4)]
    assert all(found is not None and 0 < found.wrong < found.tried for found in met)


def test_secret_vectors_differ_between_seeds(compiled: NetlistEngine) -> None:
    from evaluators.accelerators.simulate import _secret_words

    ports = ripple_adder(32).inputs
    one, same, other = (_secret_words(ports, seed, 1 << 12) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert len(set(zip(*(unpack(one[i : i + 32], 1 << 12) for i in (0, 32)), strict=True))) > 4000


def test_corners_hold_ends_signs_and_runs() -> None:
    assert {0, 1, 127, 128, 254, 255, 0x55, 0xAA, 0x0F} <= set(corner_values(8))
    assert set(corner_values(1)) == {0, 1}


def test_ports_must_agree(compiled: NetlistEngine) -> None:
    with pytest.raises(ValueError, match="ports"):
        check_vectors(compiled, ripple_adder(8), ripple_adder(9), seed=1)
    with pytest.raises(ValueError, match="rows"):
        compiled.simulate(ripple_adder(8), all_inputs(3))


@pytest.mark.parametrize(
    "gates",
    [
        (Gate("AND", (2, 5), 4), Gate("AND", (2, 3), 5)),  # reads a later gate: a loop, or the wrong order
        (Gate("AND", (2, 99), 4),),
        (Gate("AND", (2, 3), 3),),  # drives an input
        (Gate("AND", (2, 3), 99),),
    ],
)
def test_the_library_refuses_a_netlist_that_is_none(compiled: NetlistEngine, gates: tuple[Gate, ...]) -> None:
    bad = Netlist((Port("a", (2,)), Port("b", (3,))), (Port("y", (2,)),), gates)
    with pytest.raises(EvaluatorFault, match="topological"):
        compiled.simulate(bad, all_inputs(2))
    with pytest.raises(EvaluatorFault, match="topological"):
        compiled.find_difference(bad, bad, is_late=lambda: False)
