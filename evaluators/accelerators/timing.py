"""OpenSTA's word on a mapped design: the arrival at the last output, under the same condition as the mapping.

It is asked for what is confirmed. It reads the same Liberty with a program of its own, and has no part in the search.
"""

from __future__ import annotations

import re
from pathlib import Path

from evaluators.accelerators import toolchain
from evaluators.accelerators.liberty import Library
from evaluators.accelerators.mapping import Condition, Mapped
from evaluators.accelerators.netlist import Netlist, Port
from nightforge.domain.limits import MIB, Limits
from nightforge.domain.ports import Sandbox
from nightforge.errors import EvaluatorFault

_ARRIVAL = re.compile(r"^\s*(-?[0-9.]+)\s+data arrival time", re.MULTILINE)
_WALL_S = 60.0


async def sta_delay_ns(
    sandbox: Sandbox, mapped: Mapped, like: Netlist, library: Library, condition: Condition
) -> float:
    """Latest arrival at any output, ns. Raises EvaluatorFault when OpenSTA cannot say."""
    if not mapped.instances:
        return 0.0
    files: dict[str, bytes | Path] = {
        "cells.lib": library.for_box(condition.wire_ff),
        "design.v": to_verilog(mapped, like).encode(),
        "script.tcl": _script(condition, library).encode(),
    }
    result = await sandbox.run(
        [str(toolchain.require(toolchain.OPENSTA)), "-no_init", "-no_splash", "-exit", "/job/script.tcl"],
        files=files,
        limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S), memory_bytes=2048 * MIB),
    )
    said = (result.stdout + result.stderr).decode("utf-8", "replace")
    found = _ARRIVAL.search(said)
    if not result.ok or found is None:
        raise EvaluatorFault(f"OpenSTA gave no arrival time: {said.strip()[-800:]}", where="timing")
    return float(found[1]) * library.time_unit_ns


def _script(condition: Condition, library: Library) -> str:
    lines = [
        "read_liberty /job/cells.lib",
        "read_verilog /job/design.v",
        "link_design cand",
        "create_clock -name virtual -period 1000",
        "set_input_delay 0 -clock virtual [all_inputs]",
        "set_output_delay 0 -clock virtual [all_outputs]",
    ]
    if condition.driver:
        lines.append(f"set_driving_cell -lib_cell {condition.driver} [all_inputs]")
    if condition.load_ff:
        lines.append(f"set_load {condition.load_ff / library.capacitance_unit_ff:g} [all_outputs]")
    lines.append("report_checks -path_delay max -format full -digits 6")
    return "\n".join(lines) + "\n"


def to_verilog(mapped: Mapped, like: Netlist) -> str:
    """Structural Verilog of scalar ports: `a[3]` becomes `a_3_`."""
    inputs, outputs = _bits(like.inputs), _bits(like.outputs)
    lines = [f"module cand ({', '.join(_name(net) for net in (*inputs, *outputs))});"]
    lines += [f"  input {_name(net)};" for net in inputs]
    lines += [f"  output {_name(net)};" for net in outputs]
    ports = {*inputs, *outputs}
    wires = {net for instance in mapped.instances for _, net in instance.pins} - ports - {"const0", "const1"}
    lines += [f"  wire {_name(net)};" for net in sorted(wires)]
    for number, instance in enumerate(mapped.instances):
        pins = ", ".join(f".{pin}({_name(net)})" for pin, net in instance.pins)
        lines.append(f"  {instance.cell} u{number} ({pins});")
    lines += [f"  assign {_name(to)} = {_name(net)};" for to, net in mapped.aliases if to != net]
    return "\n".join([*lines, "endmodule", ""])


def _bits(ports: tuple[Port, ...]) -> list[str]:
    return [f"{port.name}[{index}]" for port in ports for index in range(port.width)]


def _name(net: str) -> str:
    if net in ("const0", "const1"):
        return f"1'b{net[-1]}"
    return re.sub(r"\W", "_", net)
