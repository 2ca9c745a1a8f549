"""And-inverter graphs: built, simulated, and written and read as binary AIGER.

The format is Biere's (AIGER 1.0, "The AIGER And-Inverter Graph (AIG) Format", 2007): a literal is twice a variable,
plus one where it is inverted; 0 is false and 1 is true. Only combinational graphs: no latches, no properties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

FALSE, TRUE = 0, 1
MAX_VARIABLES = 1 << 20
"""More than any circuit here; a header that claims more is refused before anything is allocated."""


class AigerError(ValueError):
    """The bytes are not a combinational graph in binary AIGER; the message says what is wrong."""


@dataclass(frozen=True)
class Aig:
    """`ands[k]` are the two literals of variable `inputs + 1 + k`, each of an earlier variable."""

    inputs: int
    outputs: tuple[int, ...]
    ands: tuple[tuple[int, int], ...]

    def to_aiger(self) -> bytes:
        """Without symbols or comments: the same graph gives the same bytes."""
        return self._aiger

    @cached_property
    def _aiger(self) -> bytes:
        first = self.inputs + 1
        head = f"aig {self.inputs + len(self.ands)} {self.inputs} 0 {len(self.outputs)} {len(self.ands)}\n"
        body = bytearray(head.encode() + b"".join(b"%d\n" % output for output in self.outputs))
        for number, (one, other) in enumerate(self.ands):
            low, high = min(one, other), max(one, other)
            _put(body, 2 * (first + number) - high)
            _put(body, high - low)
        return bytes(body)

    @cached_property
    def sha256(self) -> str:
        return sha256(self.to_aiger()).hexdigest()

    def simulate(self, stimuli: Sequence[int], mask: int) -> list[int]:
        """Every bit of the integers is one pattern; `mask` has a one for each. One integer for each output."""
        values = [0, *stimuli]
        for one, other in self.ands:
            left = values[one >> 1] ^ (mask if one & 1 else 0)
            right = values[other >> 1] ^ (mask if other & 1 else 0)
            values.append(left & right)
        return [values[output >> 1] ^ (mask if output & 1 else 0) for output in self.outputs]


def _put(body: bytearray, delta: int) -> None:
    while delta > 0x7F:
        body.append(0x80 | delta & 0x7F)
        delta >>= 7
    body.append(delta)


def read_aiger(content: bytes) -> Aig:
    """Raises AigerError. Symbols and comments behind the graph are left out."""
    head, newline, _ = content[:128].partition(b"\n")
    fields = head.split(b" ")
    if not newline or fields[0] != b"aig" or len(fields) != 6 or not all(f.isdigit() for f in fields[1:]):
        raise AigerError("no header of a combinational graph (`aig M I 0 O A`)")
    variables, inputs, latches, outputs, gates = map(int, fields[1:])
    if variables > MAX_VARIABLES or outputs > MAX_VARIABLES:
        raise AigerError(f"{variables} variables and {outputs} outputs are too many")
    if latches or variables != inputs + gates:
        raise AigerError(f"{latches} latches, {variables} variables for {inputs} inputs and {gates} gates")
    literals, place = _outputs(content, len(head) + 1, outputs)
    if any(literal > 2 * variables + 1 for literal in literals):
        raise AigerError("an output that nothing drives")
    ands: list[tuple[int, int]] = []
    for variable in range(inputs + 1, variables + 1):
        down, place = _delta(content, place)
        apart, place = _delta(content, place)
        high = 2 * variable - down
        low = high - apart
        if down == 0 or low < 0:
            raise AigerError(f"gate {variable} depends on itself or on nothing")
        ands.append((high, low))
    return Aig(inputs, tuple(literals), tuple(ands))


def _outputs(content: bytes, place: int, count: int) -> tuple[list[int], int]:
    literals: list[int] = []
    for _ in range(count):
        end = content.find(b"\n", place, place + 16)
        line = content[place:end] if end >= 0 else b""
        if not line.isdigit():
            raise AigerError("an output that is no literal")
        literals.append(int(line))
        place = end + 1
    return literals, place


def _delta(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(content) or shift > 28:
            raise AigerError("ends within a gate")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


class Builder:
    """Makes a graph gate by gate; equal gates are one (structural hashing), constants are folded."""

    def __init__(self) -> None:
        self._inputs = 0
        self._ands: list[tuple[int, int]] = []
        self._known: dict[tuple[int, int], int] = {}

    def word(self, bits: int) -> list[int]:
        """Inputs, the least significant bit first. All inputs come before the first gate."""
        if self._ands:
            raise ValueError("inputs are made before gates")
        first = self._inputs + 1
        self._inputs += bits
        return [2 * (first + bit) for bit in range(bits)]

    def conj(self, one: int, other: int) -> int:
        low, high = min(one, other), max(one, other)
        if low == FALSE or low ^ high == 1:
            return FALSE
        if low in (TRUE, high):
            return high
        key = (high, low)
        if key not in self._known:
            self._ands.append(key)
            self._known[key] = 2 * (self._inputs + len(self._ands))
        return self._known[key]

    def disj(self, one: int, other: int) -> int:
        return self.conj(one ^ 1, other ^ 1) ^ 1

    def xor(self, one: int, other: int) -> int:
        return self.disj(self.conj(one, other ^ 1), self.conj(one ^ 1, other))

    def mux(self, select: int, high: int, low: int) -> int:
        """`high` where `select` is one."""
        return self.disj(self.conj(select, high), self.conj(select ^ 1, low))

    def all_of(self, literals: Sequence[int]) -> int:
        result = TRUE
        for literal in literals:
            result = self.conj(result, literal)
        return result

    def any_of(self, literals: Sequence[int]) -> int:
        result = FALSE
        for literal in literals:
            result = self.disj(result, literal)
        return result

    def choose(self, select: int, high: Sequence[int], low: Sequence[int]) -> list[int]:
        return [self.mux(select, one, other) for one, other in zip(high, low, strict=True)]

    def full_add(self, one: int, other: int, carry: int) -> tuple[int, int]:
        """Sum and carry."""
        half = self.xor(one, other)
        return self.xor(half, carry), self.disj(self.conj(one, other), self.conj(half, carry))

    def add(self, one: Sequence[int], other: Sequence[int], carry: int = FALSE) -> list[int]:
        """Ripple carry; one bit wider than the words."""
        total: list[int] = []
        for left, right in zip(one, other, strict=True):
            bit, carry = self.full_add(left, right, carry)
            total.append(bit)
        return [*total, carry]

    def subtract(self, one: Sequence[int], other: Sequence[int]) -> list[int]:
        """Two's complement; the last bit is one where nothing had to be borrowed (`one >= other`)."""
        return self.add(one, [bit ^ 1 for bit in other], TRUE)

    def finish(self, outputs: Sequence[int]) -> Aig:
        """The graph of what `outputs` need."""
        needed = {output >> 1 for output in outputs}
        first = self._inputs + 1
        for number in range(len(self._ands) - 1, -1, -1):
            if first + number in needed:
                needed.update(literal >> 1 for literal in self._ands[number])
        renamed = {variable: variable for variable in range(first)}
        kept: list[tuple[int, int]] = []
        for number, (high, low) in enumerate(self._ands):
            if first + number in needed:
                renamed[first + number] = first + len(kept)
                kept.append((2 * renamed[high >> 1] | high & 1, 2 * renamed[low >> 1] | low & 1))
        return Aig(self._inputs, tuple(2 * renamed[o >> 1] | o & 1 for o in outputs), tuple(kept))
