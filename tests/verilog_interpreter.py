"""An interpreter of the Verilog that generators print; it knows nothing of how that was made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from tools.rtl import structures

LINE = re.compile(r"(?:wire|assign) (\S+) = (.*);")


def run(verilog: str, width: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The output word for each pair of operands: all pairs at once, one Python integer for each wire."""
    every = (1 << len(pairs)) - 1
    wires = {"1'b0": 0, "1'b1": every}
    for name, which in (("a", 0), ("b", 1)):
        for bit in range(width):
            wires[f"{name}[{bit}]"] = sum((pair[which] >> bit & 1) << at for at, pair in enumerate(pairs))
    for name, expression in LINE.findall(verilog):
        parts = expression.split()
        if len(parts) == 1:
            wires[name] = every ^ wires[parts[0][1:]] if parts[0][0] == "~" else wires[parts[0]]
        elif len(parts) == 5:
            condition, yes, no = (wires[part] for part in parts[::2])
            wires[name] = condition & yes | (every ^ condition) & no
        else:
            left, right = wires[parts[0]], wires[parts[2]]
            wires[name] = {"&": left & right, "|": left | right, "^": left ^ right}[parts[1]]
    outputs = [wires[f"{name}[{bit}]"] for name in "ps" for bit in range(2 * width + 1) if f"{name}[{bit}]" in wires]
    return [sum((word >> at & 1) << bit for bit, word in enumerate(outputs)) for at in range(len(pairs))]


def pairs_of(width: int, seed: int = 0) -> list[tuple[int, int]]:
    if width <= 4:
        return [(a, b) for a in range(1 << width) for b in range(1 << width)]
    random, top = Random(seed), (1 << width) - 1
    corners = [(top, top), (top, 1), (1, top), (0, top), (top, 0), (top // 3, top // 3 * 2 + 1)]
    return corners + [(random.getrandbits(width), random.getrandbits(width)) for _ in range(500)]


def assert_multiplies(genome: Mapping[str, object]) -> None:
    width = structures.read_width(genome)
    pairs = pairs_of(width)
    assert run(structures.multiplier(genome), width, pairs) == [a * b for a, b in pairs]


def assert_adds(genome: Mapping[str, object]) -> None:
    width = structures.read_width(genome)
    pairs = pairs_of(width)
    assert run(structures.adder(genome), width, pairs) == [a + b for a, b in pairs]
