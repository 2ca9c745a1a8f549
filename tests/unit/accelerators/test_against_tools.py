"""Random circuits: what the netlist computes is what Icarus Verilog and yosys make of its text."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netlist_circuits import random_netlists

from evaluators.accelerators.elaborate import elaborate
from evaluators.accelerators.engine import NetlistEngine
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.simulate import evaluate
from evaluators.accelerators.toolchain import IVERILOG, YOSYS, lacking
from evaluators.accelerators.verilog_text import to_verilog
from evaluators.accelerators.yosys_json import PortSpec
from nightforge.domain.ports import Sandbox

pytestmark = [pytest.mark.box, pytest.mark.skipif(bool(lacking((YOSYS, IVERILOG), ())), reason="no yosys or iverilog")]
VECTORS = 24
SLOW_TOOLS = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=6
)


def bench(circuits: list[tuple[Netlist, list[tuple[int, int]]]]) -> str:
    """One program for all circuits: each vector's output, a line each."""
    modules, lines = [], []
    for number, (netlist, vectors) in enumerate(circuits):
        width, out = netlist.inputs[0].width, netlist.outputs[0].width
        modules.append(to_verilog(netlist, f"c{number}"))
        modules.append(f"reg [{width - 1}:0] a{number}, b{number}; wire [{out - 1}:0] y{number};")
        modules.append(f"c{number} u{number}(.a(a{number}), .b(b{number}), .y(y{number}));")
        for a, b in vectors:
            lines.append(f'a{number} = {a}; b{number} = {b}; #1 $display("%0d", y{number});')
    bodies = [text for text in modules if text.startswith("module")]
    instances = [text for text in modules if not text.startswith("module")]
    return "\n".join([*bodies, "module bench;", *instances, "initial begin", *lines, "end", "endmodule", ""])


@SLOW_TOOLS
@given(netlists=st.lists(random_netlists(), min_size=5, max_size=8), seed=st.integers(0, 1 << 30))
def test_icarus_computes_the_same(
    engine: NetlistEngine, tmp_path_factory: pytest.TempPathFactory, netlists: list[Netlist], seed: int
) -> None:
    draw = Random(seed)
    circuits = []
    for netlist in netlists:
        width = netlist.inputs[0].width
        circuits.append((netlist, [(draw.getrandbits(width), draw.getrandbits(width)) for _ in range(VECTORS)]))
    folder: Path = tmp_path_factory.mktemp("icarus")
    (folder / "bench.v").write_text(bench(circuits))
    subprocess.run(["iverilog", "-g2005", "-o", "bench", "bench.v"], cwd=folder, check=True, timeout=100)
    said = subprocess.run(["vvp", "bench"], cwd=folder, check=True, timeout=100, capture_output=True, text=True)
    expected = [int(line) for line in said.stdout.split()]
    found = []
    for netlist, vectors in circuits:
        columns = {"a": [a for a, _ in vectors], "b": [b for _, b in vectors]}
        found += evaluate(engine, netlist, columns)["y"]
    assert found == expected


@SLOW_TOOLS
@given(netlist=random_netlists())
def test_yosys_keeps_the_function(box: Sandbox, compiled: NetlistEngine, netlist: Netlist) -> None:
    width, out = netlist.inputs[0].width, netlist.outputs[0].width
    ports = (PortSpec("a", width, True), PortSpec("b", width, True), PortSpec("y", out, False))
    again = asyncio.run(elaborate(box, to_verilog(netlist), ports)).netlist
    assert compiled.find_difference(netlist, again, is_late=lambda: False) is None
