"""A flat two-state combinational gate netlist: the only form of a design that is simulated, proved and mapped.

Nets are whole numbers: 0 is the constant 0, 1 the constant 1, then the bits of the inputs in port order (LSB first),
then one net per gate in topological order. Gates that no output needs are not part of it. So equal netlists have equal
numbers, and `Netlist.sha256` names a design whatever its text called things.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

Kind = Literal["NOT", "AND", "OR", "XOR", "NAND", "NOR", "XNOR", "ANDNOT", "ORNOT", "MUX", "BUF"]
KINDS: frozenset[str] = frozenset(get_args(Kind))
_COVERS: Mapping[str, tuple[str, ...]] = {
    "NOT": ("0 1",),
    "BUF": ("1 1",),
    "AND": ("11 1",),
    "OR": ("1- 1", "-1 1"),
    "XOR": ("10 1", "01 1"),
    "NAND": ("0- 1", "-0 1"),
    "NOR": ("00 1",),
    "XNOR": ("00 1", "11 1"),
    "ANDNOT": ("10 1",),
    "ORNOT": ("1- 1", "-0 1"),
    "MUX": ("1-0 1", "-11 1"),
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate. MUX inputs are (a, b, s) = s ? b : a; ANDNOT = a & ~b; ORNOT = a | ~b."""

    kind: Kind
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, slots=True)
class Port:
    """Nets of a port, LSB first."""

    name: str
    bits: tuple[int, ...]

    @property
    def width(self) -> int:
        return len(self.bits)


@dataclass(frozen=True)
class Netlist:
    """Gates stand in topological order: a gate reads inputs, constants and outputs of earlier gates only."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    gates: tuple[Gate, ...]

    @cached_property
    def sha256(self) -> str:
        """Of ports and gates, as 64 hex digits."""
        ports = [[(port.name, port.bits) for port in side] for side in (self.inputs, self.outputs)]
        gates = [(gate.kind, gate.inputs, gate.output) for gate in self.gates]
        return hashlib.sha256(json.dumps([ports, gates], separators=(",", ":")).encode()).hexdigest()

    @property
    def input_bits(self) -> int:
        return sum(port.width for port in self.inputs)

    @property
    def output_bits(self) -> int:
        return sum(port.width for port in self.outputs)

    @property
    def nets(self) -> int:
        """How many net numbers there are, constants included; all are below this."""
        return 2 + self.input_bits + len(self.gates)

    @cached_property
    def levels(self) -> int:
        """Gates on the longest path."""
        depth = [0] * self.nets
        for gate in self.gates:
            depth[gate.output] = 1 + max(depth[net] for net in gate.inputs)
        return max((depth[net] for port in self.outputs for net in port.bits), default=0)

    def evaluate(self, values: Mapping[str, int], *, lanes: int = 1) -> dict[str, int]:
        """Outputs for inputs given as numbers (`lanes` = 1), by port name.

        For the tests and the golden vectors: slow and plain. With more lanes, `values` maps `name[bit]` to a number
        whose bit l is that net's value in lane l, and so do the results.
        """
        ones = (1 << lanes) - 1
        nets = [0] * self.nets
        nets[1] = ones
        for port in self.inputs:
            for index, net in enumerate(port.bits):
                nets[net] = (values[port.name] >> index) & 1 if lanes == 1 else values[f"{port.name}[{index}]"] & ones
        for gate in self.gates:
            nets[gate.output] = _apply(gate.kind, [nets[net] for net in gate.inputs], ones)
        if lanes == 1:
            return {port.name: sum(nets[net] << index for index, net in enumerate(port.bits)) for port in self.outputs}
        return {f"{port.name}[{index}]": nets[net] for port in self.outputs for index, net in enumerate(port.bits)}

    def to_blif(self, model: str = "cand", *, interleaved: bool = False, last_output_first: bool = False) -> str:
        """Berkeley's BLIF; bits are named `port[index]`, inner nets `nN`.

        Inputs stand in port order, or `interleaved`: bit 0 of every port, then bit 1 of every port. Outputs stand in
        port order or the other way round.
        """
        name = {0: "const0", 1: "const1"}
        for port in self.inputs:
            name.update({net: f"{port.name}[{index}]" for index, net in enumerate(port.bits)})
        for gate in self.gates:
            name[gate.output] = f"n{gate.output}"
        lines = [f".model {model}"]
        inputs = [(index, net) for port in self.inputs for index, net in enumerate(port.bits)]
        if interleaved:
            inputs.sort(key=lambda entry: entry[0])
        lines.append(".inputs " + " ".join(name[net] for _, net in inputs))
        outputs = [f"{port.name}[{index}]" for port in self.outputs for index in range(port.width)]
        lines.append(".outputs " + " ".join(reversed(outputs) if last_output_first else outputs))
        used = {net for gate in self.gates for net in gate.inputs} | {net for port in self.outputs for net in port.bits}
        lines += [".names const0"] if 0 in used else []
        lines += [".names const1", "1"] if 1 in used else []
        for gate in self.gates:
            lines.append(".names " + " ".join(name[net] for net in (*gate.inputs, gate.output)))
            lines.extend(_COVERS[gate.kind])
        for port in self.outputs:
            for index, net in enumerate(port.bits):
                lines += [f".names {name[net]} {port.name}[{index}]", "1 1"]
        return "\n".join([*lines, ".end", ""])


def _apply(kind: Kind, values: Sequence[int], ones: int) -> int:
    a = values[0]
    b = values[1] if len(values) > 1 else 0
    match kind:
        case "NOT":
            return a ^ ones
        case "BUF":
            return a
        case "AND":
            return a & b
        case "OR":
            return a | b
        case "XOR":
            return a ^ b
        case "NAND":
            return (a & b) ^ ones
        case "NOR":
            return (a | b) ^ ones
        case "XNOR":
            return a ^ b ^ ones
        case "ANDNOT":
            return a & (b ^ ones)
        case "ORNOT":
            return a | (b ^ ones)
        case "MUX":
            return (a & (values[2] ^ ones)) | (b & values[2])
