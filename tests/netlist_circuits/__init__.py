"""Circuits for the tests, made without any tool: adders, multipliers, random logic, and a fault on one single input."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from evaluators.accelerators.netlist import Gate, Kind, Netlist, Port

TWO_INPUTS: tuple[Kind, ...] = ("AND", "OR", "XOR", "NAND", "NOR", "XNOR", "ANDNOT", "ORNOT")
ALL_KINDS: tuple[Kind, ...] = (*TWO_INPUTS, "NOT", "BUF", "MUX")


@dataclass
class Builder:
    """Ports `a` and `b` of `width` bits."""

    width: int
    gates: list[Gate] = field(default_factory=list)

    @property
    def a(self) -> list[int]:
        return list(range(2, 2 + self.width))

    @property
    def b(self) -> list[int]:
        return list(range(2 + self.width, 2 + 2 * self.width))

    def add(self, kind: Kind, *nets: int) -> int:
        output = 2 + 2 * self.width + len(self.gates)
        self.gates.append(Gate(kind, nets, output))
        return output

    def half_adder(self, x: int, y: int) -> tuple[int, int]:
        return self.add("XOR", x, y), self.add("AND", x, y)

    def full_adder(self, x: int, y: int, z: int) -> tuple[int, int]:
        both = self.add("XOR", x, y)
        return self.add("XOR", both, z), self.add("OR", self.add("AND", x, y), self.add("AND", both, z))

    def wrong_on(self, number: int, net: int) -> int:
        """`net`, but inverted on the one input whose bit i is bit i of `number`."""
        hit = 1
        for index, bit in enumerate((*self.a, *self.b)):
            hit = self.add("AND" if number >> index & 1 else "ANDNOT", hit, bit)
        return self.add("XOR", net, hit)

    def netlist(self, outputs: list[int]) -> Netlist:
        inputs = (Port("a", tuple(self.a)), Port("b", tuple(self.b)))
        return Netlist(inputs, (Port("y", tuple(outputs)),), tuple(self.gates))


def ripple_adder(width: int, *, wrong_on: int | None = None) -> Netlist:
    build = Builder(width)
    total, carry = build.half_adder(build.a[0], build.b[0])
    outputs = [total]
    for x, y in zip(build.a[1:], build.b[1:], strict=True):
        total, carry = build.full_adder(x, y, carry)
        outputs.append(total)
    outputs.append(carry if wrong_on is None else build.wrong_on(wrong_on, carry))
    return build.netlist(outputs)


def kogge_stone_adder(width: int, *, wrong_on: int | None = None) -> Netlist:
    build = Builder(width)
    halves = [build.half_adder(x, y) for x, y in zip(build.a, build.b, strict=True)]
    spread = [half[0] for half in halves]
    carries = [half[1] for half in halves]
    distance = 1
    while distance < width:
        older, passing = list(carries), list(spread)
        for i in range(distance, width):
            carries[i] = build.add("OR", older[i], build.add("AND", passing[i], older[i - distance]))
            spread[i] = build.add("AND", passing[i], passing[i - distance])
        distance *= 2
    outputs = [halves[0][0], *(build.add("XOR", halves[i][0], carries[i - 1]) for i in range(1, width))]
    outputs.append(carries[-1] if wrong_on is None else build.wrong_on(wrong_on, carries[-1]))
    return build.netlist(outputs)


def multiplier(width: int, *, rows_first: bool = False, wrong_on: int | None = None) -> Netlist:
    """Carry-save, compressed column by column (or, `rows_first`, from the youngest addends)."""
    build = Builder(width)
    columns: list[list[int]] = [[] for _ in range(2 * width + 1)]
    for i, x in enumerate(build.a):
        for j, y in enumerate(build.b):
            columns[i + j].append(build.add("AND", x, y))
    outputs = []
    take = -1 if rows_first else 0
    for index in range(2 * width):
        column = columns[index]
        while len(column) > 1:
            addends = [column.pop(take) for _ in range(min(3, len(column)))]
            total, carry = build.full_adder(*addends) if len(addends) == 3 else build.half_adder(*addends)
            column.insert(0 if rows_first else len(column), total)
            columns[index + 1].append(carry)
        outputs.append(column[0] if column else 0)
    if wrong_on is not None:
        outputs[-1] = build.wrong_on(wrong_on, outputs[-1])
    return build.netlist(outputs)


@st.composite
def random_netlists(draw: st.DrawFn, *, most_width: int = 7, most_gates: int = 60) -> Netlist:
    """Any gates in any order, constants among their inputs and outputs, dead gates too."""
    build = Builder(draw(st.integers(1, most_width)))
    for _ in range(draw(st.integers(0, most_gates))):
        kind = draw(st.sampled_from(ALL_KINDS))
        arity = {"NOT": 1, "BUF": 1, "MUX": 3}.get(kind, 2)
        known = 2 + 2 * build.width + len(build.gates)
        build.add(kind, *(draw(st.integers(0, known - 1)) for _ in range(arity)))
    known = 2 + 2 * build.width + len(build.gates)
    return build.netlist(draw(st.lists(st.integers(0, known - 1), min_size=1, max_size=6)))
