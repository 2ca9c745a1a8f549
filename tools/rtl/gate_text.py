"""Gate-level Verilog as a network that can be changed: read, simulated, swept, printed.

The form is that of a design's plain gates: `wire NAME = a & ~b;` with one operator (`~ & | ^ ?:`), then
`assign OUTPUT = NAME;`. Expressions of `~ & | ^` on single bits are read too, a gate for each operator, and printed one
gate per line. Anything else is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tools.rtl.expressions import Expression, parse

_OPERAND = r"(?:[A-Za-z_]\w*(?:\[\d+\])?|1'b[01])"
_HEAD = re.compile(r"\s*module\s+\w+\s*\(([^()]*)\);(.*?)endmodule\s*", re.DOTALL)
_PORT = re.compile(r"\s*(input|output)\s+(?:wire\s+|logic\s+)?(?:\[(\d+):0\]\s*)?([A-Za-z_]\w*)\s*")
_LINE = re.compile(rf"\s*(?:(wire)|assign)\s+({_OPERAND})\s*=\s*(.+)\s*", re.DOTALL)
_FORMS = tuple(
    (kind, re.compile(pattern.replace("@", f"({_OPERAND})")))
    for kind, pattern in (
        ("buf", r"@"),
        ("not", r"~\s*@"),
        ("and", r"@\s*&\s*@"),
        ("or", r"@\s*\|\s*@"),
        ("xor", r"@\s*\^\s*@"),
        ("nand", r"~\s*\(\s*@\s*&\s*@\s*\)"),
        ("nor", r"~\s*\(\s*@\s*\|\s*@\s*\)"),
        ("xnor", r"~\s*\(\s*@\s*\^\s*@\s*\)"),
        ("andn", r"@\s*&\s*~\s*@"),
        ("orn", r"@\s*\|\s*~\s*@"),
        ("mux", r"@\s*\?\s*@\s*:\s*@"),
    )
)
_PRINTED: Mapping[str, str] = {
    "buf": "{0}",
    "not": "~{0}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "nand": "~({0} & {1})",
    "nor": "~({0} | {1})",
    "xnor": "~({0} ^ {1})",
    "andn": "{0} & ~{1}",
    "orn": "{0} | ~{1}",
    "mux": "{0} ? {1} : {2}",
}
Gate = tuple[str, tuple[str, ...]]
"""Kind and operands; of `mux` the first operand chooses the second over the third."""


@dataclass
class Network:
    """`gates` by the name of the wire that they drive; `outputs` by the name of the output's bit."""

    head: str
    inputs: list[str]
    gates: dict[str, Gate]
    outputs: dict[str, str]
    reserved: frozenset[str] = frozenset()
    """Names that stand in the text, whether they were read yet or not: no new wire may have one."""

    def copy(self) -> Network:
        return Network(self.head, self.inputs, dict(self.gates), dict(self.outputs), self.reserved)

    def add(self, gate: Gate) -> str:
        """The name of a new wire for it."""
        number = len(self.gates)
        taken = {name.split("[")[0] for name in (*self.gates, *self.inputs, *self.outputs)} | self.reserved
        while f"g{number}" in taken:
            number += 1
        self.gates[f"g{number}"] = gate
        return f"g{number}"

    def order(self, random: Random | None = None) -> list[str]:
        """By level, chance deciding within one; ValueError for a loop."""
        level = dict.fromkeys((*self.inputs, "1'b0", "1'b1"), 0)
        waiting = list(self.gates)
        while waiting:
            later = []
            for name in waiting:
                operands = self.gates[name][1]
                if all(operand in level for operand in operands):
                    level[name] = 1 + max(level[operand] for operand in operands)
                else:
                    later.append(name)
            if len(later) == len(waiting):
                raise ValueError("the gates form a loop, or an operand is not driven")
            waiting = later
        return sorted(self.gates, key=lambda name: (level[name], random.random() if random else 0.0))

    def simulate(self, stimulus: Mapping[str, int], ones: int) -> dict[str, int]:
        """Values of all wires; `stimulus` has a number per input whose bit v is its value in vector v."""
        values = {**stimulus, "1'b0": 0, "1'b1": ones}
        for name in self.order():
            kind, operands = self.gates[name]
            values[name] = compute(kind, [values[operand] for operand in operands], ones)
        return values

    def sweep(self) -> None:
        """Take out what no output needs."""
        needed: set[str] = set()
        stack = list(self.outputs.values())
        while stack:
            name = stack.pop()
            if name in self.gates and name not in needed:
                needed.add(name)
                stack.extend(self.gates[name][1])
        self.gates = {name: gate for name, gate in self.gates.items() if name in needed}

    def text(self) -> str:
        lines = [self.head]
        for name in self.order():
            kind, operands = self.gates[name]
            lines.append(f"  wire {name} = {_PRINTED[kind].format(*operands)};")
        lines += [f"  assign {output} = {name};" for output, name in self.outputs.items()]
        return "\n".join([*lines, "endmodule", ""])


def compute(kind: str, values: Sequence[int], ones: int) -> int:
    a = values[0]
    b = values[1] if len(values) > 1 else 0
    if kind == "mux":
        return (a & b) | (~a & ones & values[2])
    plain = {
        "buf": a,
        "not": ~a,
        "and": a & b,
        "or": a | b,
        "xor": a ^ b,
        "nand": ~(a & b),
        "nor": ~(a | b),
        "xnor": ~(a ^ b),
        "andn": a & ~b,
        "orn": a | ~b,
    }
    return plain[kind] & ones


def read_gates(source: str) -> Network | None:
    """None for a text of any other form."""
    whole = _HEAD.fullmatch(source)
    if whole is None:
        return None
    inputs: list[str] = []
    for declaration in whole[1].split(","):
        port = _PORT.fullmatch(declaration)
        if port is None:
            return None
        if port[1] == "input":
            inputs += [f"{port[3]}[{bit}]" for bit in range(int(port[2]) + 1)] if port[2] else [port[3]]
    names = frozenset(re.findall(r"[A-Za-z_]\w*", source))
    network = Network(source[: whole.end(1)] + ");", inputs, {}, {}, names)
    for statement in whole[2].split(";")[:-1]:
        line = _LINE.fullmatch(statement)
        gate = _gate(line[3]) or _expression(line[3], network) if line else None
        if line is None or gate is None or line[2] in network.gates or line[2] in network.outputs:
            return None
        if line[1]:
            network.gates[line[2]] = gate
        else:
            network.outputs[line[2]] = gate[1][0] if gate[0] == "buf" else network.add(gate)
    try:
        network.order()
    except ValueError:
        return None
    return network if network.outputs and not whole[2].split(";")[-1].strip() else None


_BINARY = {"&": "and", "|": "or", "^": "xor"}
_INVERTED = {"and": "nand", "or": "nor", "xor": "xnor"}


def _expression(text: str, network: Network) -> Gate | None:
    """The last gate of an expression, those before it put into the network."""
    whole = parse(text)
    return _tree(whole, network) if whole is not None else None


def _tree(whole: Expression, network: Network) -> Gate | None:
    if not whole.operator:
        return ("buf", (whole.text,)) if re.fullmatch(_OPERAND, whole.text) else None
    inner = whole.parts[0]
    if whole.operator == "~" and inner.operator in _BINARY:
        gate = _tree(inner, network)
        return (_INVERTED[gate[0]], gate[1]) if gate else None
    if whole.operator != "~" and whole.operator not in _BINARY:
        return None
    operands = []
    for part in whole.parts:
        gate = _tree(part, network)
        if gate is None:
            return None
        operands.append(gate[1][0] if gate[0] == "buf" else network.add(gate))
    return ("not" if whole.operator == "~" else _BINARY[whole.operator]), tuple(operands)


def _gate(text: str) -> Gate | None:
    for kind, form in _FORMS:
        match = form.fullmatch(text.strip())
        if match is not None:
            return kind, match.groups()
    return None
