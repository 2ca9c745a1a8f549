"""A text that is gates already reaches the mapper as it stands, whatever its lines and names are."""

from __future__ import annotations

import re
from random import Random

import pytest

from evaluators.accelerators import toolchain
from evaluators.accelerators.elaborate import elaborate
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.static_rules import check_text
from evaluators.accelerators.yosys_json import PortSpec
from nightforge.domain.ports import Sandbox
from tools.rtl.gate_text import read_gates
from tools.rtl.structures import multiplier, named_multiplier

LACKING = toolchain.lacking((toolchain.YOSYS,), ())
pytestmark = [pytest.mark.box, pytest.mark.skipif(bool(LACKING), reason="; ".join(LACKING))]

PORTS = (PortSpec("a", 4, True), PortSpec("b", 4, True), PortSpec("p", 8, False))
DADDA = multiplier(named_multiplier(4, "dadda", "kogge-stone"))


async def netlist_of(box: Sandbox, text: str) -> Netlist:
    return (await elaborate(box, check_text(text), PORTS)).netlist


def renamed_and_shuffled(text: str, random: Random) -> str:
    """Other names, other order of the lines; declarations first, as Verilog wants them."""
    head, *lines, end, _ = text.split("\n")
    first = next(number for number, line in enumerate(lines) if line.startswith("  wire"))
    ports, body = lines[:first], lines[first:]
    numbers = list(range(1000))
    random.shuffle(numbers)
    body = [re.sub(r"\bn(\d+)\b", lambda match: f"w{numbers[int(match[1])]}_", line) for line in body]
    declared = [line.split("=")[0].rstrip() + ";" for line in body if line.startswith("  wire")]
    body = [line.replace("  wire ", "  assign ") for line in body]
    random.shuffle(body)
    return "\n".join([head, *ports, *declared, *body, end, ""])


async def test_every_gate_of_the_text_is_in_the_netlist(box: Sandbox) -> None:
    written = read_gates(DADDA)
    assert written is not None
    written.sweep()
    netlist = await netlist_of(box, DADDA)
    kinds = sorted(gate.kind for gate in netlist.gates)
    assert kinds == sorted(kind.upper() for kind, _ in written.gates.values())


async def test_names_and_the_order_of_lines_change_nothing(box: Sandbox) -> None:
    known = (await netlist_of(box, DADDA)).sha256
    for seed in range(3):
        text = renamed_and_shuffled(DADDA, Random(seed))
        assert text != DADDA
        assert (await netlist_of(box, text)).sha256 == known


async def test_two_gates_of_one_function_stay_two(box: Sandbox) -> None:
    """Synthesis would share them; whether that pays is the author's question, and the mapper's."""
    twice = "module cand(input [3:0] a, input [3:0] b, output [7:0] p);\nwire x = a[0] & b[0];\nwire y = a[0] & b[0];\n"
    netlist = await netlist_of(box, twice + "assign p = {6'd0, x, y};\nendmodule\n")
    assert [gate.kind for gate in netlist.gates] == ["AND", "AND"]


async def test_what_is_more_than_gates_is_synthesised(box: Sandbox) -> None:
    text = "module cand(input [3:0] a, input [3:0] b, output [7:0] p);\nassign p = a * b;\nendmodule\n"
    netlist = await netlist_of(box, text)
    assert all(
        netlist.evaluate({"a": one, "b": other}) == {"p": one * other} for one in range(16) for other in range(16)
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("wire x; assign p = {7'd0, x & a[0]};", "undriven"),
        ("assign p[6:0] = 7'd0;", "undriven"),
        ("wire x = y | a[0]; wire y = x & b[0]; assign p = {7'd0, x};", "loop"),
        ("wire x = a[0]; assign x = b[0]; assign p = {7'd0, x};", "several_drivers"),
        ("reg x; always @* if (a[0]) x = b[0]; assign p = {7'd0, x};", "latch"),
    ],
)
async def test_gates_meet_every_check(box: Sandbox, body: str, reason: str) -> None:
    declared = body.replace(
        "wire x = y | a[0]; wire y = x & b[0];", "wire x, y; assign x = y | a[0]; assign y = x & b[0];"
    )
    with pytest.raises(Refused) as refused:
        await netlist_of(box, f"module cand(input [3:0] a, input [3:0] b, output [7:0] p);\n{declared}\nendmodule\n")
    assert refused.value.reason == reason
