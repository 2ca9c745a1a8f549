"""Gate-level Verilog is read and printed as it is; what the operator proposes computes the same."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netlist_circuits import kogge_stone_adder, multiplier, random_netlists, ripple_adder

from evaluators.accelerators.elaborate import elaborate
from evaluators.accelerators.engine import NetlistEngine
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.prove import prove
from evaluators.accelerators.static_rules import check_text
from evaluators.accelerators.verilog_text import to_verilog
from evaluators.accelerators.yosys_json import PortSpec
from nightforge.domain.ports import Sandbox
from nightforge.domain.team import OperatorContext, Program
from tools.rtl.gate_text import Network, read_gates
from tools.rtl_operators.resubstitution import Resubstitution, change, stimulus


def bits(network: Network, netlist: Netlist, a: int, b: int) -> int:
    given = {f"a[{i}]": a >> i & 1 for i in range(64)} | {f"b[{i}]": b >> i & 1 for i in range(64)}
    if netlist.inputs[0].width == 1:
        given |= {"a": a & 1, "b": b & 1}
    values = network.simulate({name: given[name] for name in network.inputs}, 1)
    return sum(values[wire] << place for place, wire in enumerate(network.outputs.values()))


@settings(deadline=None)
@given(netlist=random_netlists(), a=st.integers(0, 127), b=st.integers(0, 127))
def test_printed_gates_are_read_again(netlist: Netlist, a: int, b: int) -> None:
    network = read_gates(to_verilog(netlist))
    assert network is not None
    mask = (1 << netlist.inputs[0].width) - 1
    expected = netlist.evaluate({"a": a & mask, "b": b & mask})["y"]
    assert bits(network, netlist, a & mask, b & mask) == expected
    again = read_gates(network.text())
    assert again is not None
    assert bits(again, netlist, a & mask, b & mask) == expected


def test_expressions_are_read_a_gate_for_each_operator() -> None:
    text = "module cand(input wire [2:0] a, output y);\nwire g0 = a[0];\n"
    text += "assign y = ~(a[1] & (g0 ^ ~a[2])) | a[1];\nendmodule\n"
    network = read_gates(text)
    assert network is not None
    assert sorted(kind for kind, _ in network.gates.values()) == ["buf", "nand", "not", "or", "xor"]
    again = read_gates(network.text())
    assert again is not None
    for value in range(8):
        a0, a1, a2 = (value >> place & 1 for place in range(3))
        for one in (network, again):
            values = one.simulate({f"a[{place}]": value >> place & 1 for place in range(3)}, 1)
            assert values[one.outputs["y"]] == 1 - (a1 & (a0 ^ 1 - a2)) | a1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "module cand(input a, output y); wire n = ~(a | ~(a + a)); assign y = n; endmodule",
        "module cand(input a, output y); wire n = a + a; assign y = n; endmodule",
        "module cand(input a, output y); wire n = m; wire m = n; assign y = n; endmodule",
        "module cand(input a, output y); wire n = b; assign y = n; endmodule",
        "module cand(a, y); input a; output y; assign y = a; endmodule",
        "module cand(input a, output y); wire n = a; wire n = a; assign y = n; endmodule",
        "module cand(input a, output y); always @* y = a; endmodule",
    ],
)
def test_other_texts_are_not_read(text: str) -> None:
    assert read_gates(text) is None


@settings(deadline=None, max_examples=40)
@given(netlist=random_netlists(most_width=5), seed=st.integers(0, 1 << 30))
def test_a_change_keeps_the_function_on_its_vectors(netlist: Netlist, seed: int) -> None:
    """Up to 10 input bits the operator's 4,096 vectors hardly miss one of the 1,024 inputs: all are tried here."""
    network = read_gates(to_verilog(netlist))
    assert network is not None
    if not network.gates:
        return
    random = Random(seed)
    changed = network.copy()
    change(changed, random)
    changed.sweep()
    given = stimulus(network.inputs, Random(seed + 1))
    ones = (1 << 4096) - 1
    before, after = network.simulate(given, ones), changed.simulate(given, ones)
    wrong = 0
    for one, other in zip(network.outputs.values(), changed.outputs.values(), strict=True):
        wrong |= before[one] ^ after[other]
    assert wrong.bit_count() <= 64, "a signature may lie about rare inputs, never about many"


@pytest.mark.box
@pytest.mark.parametrize("netlist", [ripple_adder(8), kogge_stone_adder(16), multiplier(6)], ids=["add", "ks", "mul"])
def test_proposals_are_proven_and_differ(netlist: Netlist, box: Sandbox, compiled: NetlistEngine) -> None:
    width, out = netlist.inputs[0].width, netlist.outputs[0].width
    ports = (PortSpec("a", width, True), PortSpec("b", width, True), PortSpec("y", out, False))
    proven = set()
    for seed in range(4):
        program = Program(ordinal=0, source=to_verilog(netlist))
        drafts = Resubstitution().propose(OperatorContext(language="verilog", parent=program, seed=seed))
        assert drafts == Resubstitution().propose(OperatorContext(language="verilog", parent=program, seed=seed))
        for draft in drafts:
            elaborated = asyncio.run(elaborate(box, check_text(draft.source), ports))
            if asyncio.run(prove(compiled, box, netlist, elaborated.netlist)).is_proven:
                proven.add(draft.source)
            assert draft.note
    assert len(proven) >= 6


def test_nothing_is_proposed_for_other_programs() -> None:
    program = Program(ordinal=0, source="module cand(input a, output y); assign y = a + a; endmodule")
    assert Resubstitution().propose(OperatorContext(language="verilog", parent=program, seed=1)) == ()
