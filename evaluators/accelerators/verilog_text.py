"""A gate netlist as Verilog: one `assign` per gate, ports as they are."""

from __future__ import annotations

from collections.abc import Mapping

from evaluators.accelerators.netlist import Gate, Kind, Netlist, Port

_EXPRESSIONS: Mapping[Kind, str] = {
    "NOT": "~{0}",
    "BUF": "{0}",
    "AND": "{0} & {1}",
    "OR": "{0} | {1}",
    "XOR": "{0} ^ {1}",
    "NAND": "~({0} & {1})",
    "NOR": "~({0} | {1})",
    "XNOR": "~({0} ^ {1})",
    "ANDNOT": "{0} & ~{1}",
    "ORNOT": "{0} | ~{1}",
    "MUX": "{2} ? {1} : {0}",
}


def to_verilog(netlist: Netlist, top: str = "cand") -> str:
    """Verilog-2005 that elaborates to the same function; inner wires avoid the ports' names."""
    taken = {port.name for port in (*netlist.inputs, *netlist.outputs)}
    prefix = "n"
    while any(name.startswith(prefix) and name[len(prefix) :].isdecimal() for name in taken):
        prefix += "_"
    names = {0: "1'b0", 1: "1'b1"}
    for port in netlist.inputs:
        names.update({net: _bit(port, index) for index, net in enumerate(port.bits)})
    names.update({gate.output: f"{prefix}{gate.output}" for gate in netlist.gates})
    ports = [f"  input {_range(port)}{port.name}" for port in netlist.inputs]
    ports += [f"  output {_range(port)}{port.name}" for port in netlist.outputs]
    lines = [f"module {top}(", ",\n".join(ports), ");"]
    lines += [f"  wire {names[gate.output]} = {_expression(gate, names)};" for gate in netlist.gates]
    for port in netlist.outputs:
        lines += [f"  assign {_bit(port, index)} = {names[net]};" for index, net in enumerate(port.bits)]
    return "\n".join([*lines, "endmodule", ""])


def _expression(gate: Gate, names: Mapping[int, str]) -> str:
    return _EXPRESSIONS[gate.kind].format(*(names[net] for net in gate.inputs))


def _range(port: Port) -> str:
    return f"[{port.width - 1}:0] " if port.width > 1 else ""


def _bit(port: Port, index: int) -> str:
    return f"{port.name}[{index}]" if port.width > 1 else port.name
