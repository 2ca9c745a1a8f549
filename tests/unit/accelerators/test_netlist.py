from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.accelerators.netlist import KINDS, Gate, Kind, Netlist, Port
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.yosys_json import PortSpec, YosysCell, YosysModule, netlist_of

PORTS = (PortSpec("a", 1, True), PortSpec("b", 1, True), PortSpec("s", 1, True), PortSpec("y", 1, False))


def cell(kind: str, output: int | str, **pins: int | str) -> YosysCell:
    return {"type": f"$_{kind}_", "connections": {**{pin: [bit] for pin, bit in pins.items()}, "Y": [output]}}


def module(*cells: YosysCell, output: int | str = 5) -> YosysModule:
    return {
        "ports": {
            "a": {"direction": "input", "bits": [2]},
            "b": {"direction": "input", "bits": [3]},
            "s": {"direction": "input", "bits": [4]},
            "y": {"direction": "output", "bits": [output]},
        },
        "cells": {f"c{number}": one for number, one in enumerate(cells)},
        "netnames": {
            name: {"hide_name": 0, "bits": [bit]} for name, bit in (("a", 2), ("b", 3), ("y", output), ("middle", 6))
        },
    }


TRUTH = {
    "NOT": lambda a, b, s: 1 - a,
    "BUF": lambda a, b, s: a,
    "AND": lambda a, b, s: a & b,
    "OR": lambda a, b, s: a | b,
    "XOR": lambda a, b, s: a ^ b,
    "NAND": lambda a, b, s: 1 - (a & b),
    "NOR": lambda a, b, s: 1 - (a | b),
    "XNOR": lambda a, b, s: 1 - (a ^ b),
    "ANDNOT": lambda a, b, s: a & (1 - b),
    "ORNOT": lambda a, b, s: a | (1 - b),
    "MUX": lambda a, b, s: b if s else a,
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_computes_what_yosys_means_by_it(kind: str) -> None:
    pins: dict[str, int | str] = {"A": 2, "B": 3, "S": 4}
    used = {"NOT": "A", "BUF": "A", "MUX": "ABS"}.get(kind, "AB")
    netlist = netlist_of(module(cell(kind, 5, **{pin: pins[pin] for pin in used})), PORTS)
    for a, b, s in itertools.product((0, 1), repeat=3):
        assert netlist.evaluate({"a": a, "b": b, "s": s}) == {"y": TRUTH[kind](a, b, s)}


def test_lanes_agree_with_single_vectors() -> None:
    netlist = netlist_of(module(cell("MUX", 6, A=2, B=3, S=4), cell("NOT", 5, A=6)), PORTS)
    lanes = netlist.evaluate({"a[0]": 0b01010101, "b[0]": 0b00110011, "s[0]": 0b00001111}, lanes=8)
    for lane in range(8):
        a, b, s = (word >> lane & 1 for word in (0b01010101, 0b00110011, 0b00001111))
        assert lanes["y[0]"] >> lane & 1 == netlist.evaluate({"a": a, "b": b, "s": s})["y"]


def test_names_order_and_dead_gates_do_not_count() -> None:
    one = netlist_of(module(cell("AND", 6, A=2, B=3), cell("NOT", 5, A=6)), PORTS)
    other = netlist_of(
        module(cell("NOT", 9, A=77), cell("AND", 77, A=2, B=3), cell("XOR", 8, A=2, B=4), output=9), PORTS
    )
    assert (one.gates, one.sha256) == (other.gates, other.sha256)
    assert len(one.gates) == 2
    assert one.levels == 2


@pytest.mark.parametrize(
    ("broken", "reason", "words"),
    [
        (module(cell("AND", 5, A=2, B=6)), "undriven", "middle, on which output y depends, is never assigned"),
        (module(), "undriven", "output y is never assigned"),
        (module(cell("AND", 5, A=2, B="x")), "undefined_value", "constant x"),
        (module(cell("AND", 6, A=2, B=5), cell("NOT", 5, A=6)), "loop", "y -> middle"),
        (module(cell("AND", 5, A=2, B=3), cell("OR", 5, A=2, B=3)), "several_drivers", "y is driven twice"),
        (module(cell("NOT", 2, A=3)), "several_drivers", "a is driven twice"),
        (module({"type": "$_DLATCH_P_", "connections": {"D": [2], "E": [3], "Q": [5]}}), "latch", "y ($_DLATCH_P_)"),
        (module({"type": "$_DFF_P_", "connections": {"D": [2], "C": [3], "Q": [5]}}), "register", "no flip-flops"),
        (module({"type": "AND2X1", "connections": {"A": [2], "B": [3], "Y": [5]}}), "black_box", "AND2X1"),
        (module({"type": "$mem_v2", "connections": {}}), "memory", "no memories"),
    ],
)
def test_what_is_no_circuit_is_refused_by_name(broken: YosysModule, reason: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        netlist_of(broken, PORTS)
    assert refused.value.reason == reason
    assert words in refused.value.feedback


def test_ports_must_be_the_tasks() -> None:
    wrong = module(cell("NOT", 5, A=2))
    wrong["ports"]["z"] = {"direction": "input", "bits": [8]}
    del wrong["ports"]["b"]
    with pytest.raises(Refused, match=r"input b of 1 bits is missing; port z is not part of the contract"):
        netlist_of(wrong, PORTS)


def test_a_long_chain_needs_no_deep_stack() -> None:
    chain = [cell("NOT", 10 + i, A=9 + i if i else 2) for i in range(20_000)]
    netlist = netlist_of(module(*chain, output=20_009), PORTS)
    assert netlist.levels == 20_000


kinds: st.SearchStrategy[Kind] = st.sampled_from(sorted(KINDS))


@given(st.lists(st.tuples(kinds, st.lists(st.integers(0, 1 << 30), min_size=3, max_size=3)), min_size=1, max_size=30))
def test_blif_computes_the_same(recipe: list[tuple[Kind, list[int]]]) -> None:
    """Read back by the plainest reader of covers there is."""
    gates = []
    for number, (kind, draws) in enumerate(recipe):
        width = {"NOT": 1, "BUF": 1, "MUX": 3}.get(kind, 2)
        gates.append(Gate(kind, tuple(draw % (5 + number) for draw in draws[:width]), 5 + number))
    netlist = Netlist((Port("a", (2, 3, 4)),), (Port("y", (gates[-1].output,)),), tuple(gates))
    for value in range(8):
        assert read_blif(netlist.to_blif(interleaved=True), value) == netlist.evaluate({"a": value})["y"]


def read_blif(text: str, value: int) -> int:
    nets = {f"a[{bit}]": value >> bit & 1 for bit in range(3)}
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line.startswith(".names"):
            *inputs, output = line.split()[1:]
            covers = list(itertools.takewhile(lambda cover: not cover.startswith("."), lines[at + 1 :]))
            nets[output] = int(
                any(
                    all(want in ("-", str(nets[net])) for want, net in zip(cover.split()[0], inputs, strict=True))
                    if inputs
                    else cover.strip() == "1"
                    for cover in covers
                )
            )
    return nets["y[0]"]
