"""Corner and secret vectors through golden and candidate netlist, compared on the trusted side."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evaluators.accelerators.engine import NetlistEngine, Words, first_lane
from evaluators.accelerators.netlist import Netlist, Port

SECRET_VECTORS = 1 << 17
_MOST_CORNERS = 1 << 16


@dataclass(frozen=True)
class Mismatch:
    """One input on which the candidate is wrong, by port name."""

    inputs: Mapping[str, int]
    expected: Mapping[str, int]
    got: Mapping[str, int]
    wrong: int = 1
    """Of the vectors that were tried together with this one …"""
    tried: int = 1

    def describe(self) -> str:
        """For the coder: the input, what the golden model answers and what the candidate does."""
        ports = [
            f"{name} should be {value} (0x{value:x}) and is {self.got[name]} (0x{self.got[name]:x}), "
            f"wrong bits 0x{value ^ self.got[name]:x}"
            for name, value in self.expected.items()
            if value != self.got[name]
        ]
        given = ", ".join(f"{name} = {value} (0x{value:x})" for name, value in self.inputs.items())
        share = f"; {self.wrong} of {self.tried} vectors are wrong" if self.tried > 1 else ""
        return f"for {given}: {'; '.join(ports)}{share}"


def pack(values: Sequence[int], width: int) -> Words:
    """Numbers to one row per bit (LSB first), 64 numbers per word; the last word is filled up with zeros."""
    size = (width + 7) // 8
    mask = (1 << width) - 1
    raw = np.frombuffer(b"".join((value & mask).to_bytes(size, "little") for value in values), dtype=np.uint8)
    bits = np.unpackbits(raw.reshape(len(values), size), axis=1, bitorder="little")[:, :width]
    rows = np.zeros((width, 8 * ((len(values) + 63) // 64)), dtype=np.uint8)
    packed = np.packbits(bits.T, axis=1, bitorder="little")
    rows[:, : packed.shape[1]] = packed
    return rows.view(np.uint64)


def unpack(rows: Words, count: int) -> list[int]:
    """The inverse of `pack`: the first `count` numbers."""
    bits = np.unpackbits(np.ascontiguousarray(rows).view(np.uint8), axis=1, bitorder="little")[:, :count]
    packed = np.packbits(bits.T, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def evaluate(engine: NetlistEngine, netlist: Netlist, vectors: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Outputs by port name, one number per vector."""
    count = len(next(iter(vectors.values()))) if vectors else 1
    stimulus = _stack([pack(vectors[port.name], port.width) for port in netlist.inputs], count)
    return _by_port(netlist.outputs, engine.simulate(netlist, stimulus), count)


def check_vectors(
    engine: NetlistEngine, golden: Netlist, candidate: Netlist, *, seed: int, count: int = SECRET_VECTORS
) -> Mismatch | None:
    """Corners, then `count` vectors drawn from `seed`; the first on which the candidate is wrong, or None.

    Raises ValueError when the ports differ: they are checked where the netlist is made.
    """
    shapes = _require_same_ports(golden, candidate)
    for stimulus, vectors in (_corner_words(shapes), (_secret_words(golden.inputs, seed, count), count)):
        if vectors == 0:
            continue
        apart = engine.simulate(golden, stimulus) ^ engine.simulate(candidate, stimulus)
        lane = first_lane(apart, vectors)
        if lane is not None:
            wrong = _count_lanes(apart, vectors)
            return mismatch_at(engine, golden, candidate, _lane(stimulus, lane), wrong=wrong, tried=vectors)
    return None


def mismatch_at(
    engine: NetlistEngine, golden: Netlist, candidate: Netlist, number: int, *, wrong: int = 1, tried: int = 1
) -> Mismatch:
    """The difference at one input (bit i of `number` is input bit i), computed again on both netlists as they are."""
    values: dict[str, int] = {}
    at = 0
    for port in golden.inputs:
        values[port.name] = number >> at & ((1 << port.width) - 1)
        at += port.width
    vectors = {name: [value] for name, value in values.items()}
    expected, got = ({k: v[0] for k, v in evaluate(engine, one, vectors).items()} for one in (golden, candidate))
    return Mismatch(values, expected, got, wrong, tried)


def corner_values(width: int) -> list[int]:
    """Ends, signs, alternating bits, walking ones and zeros, runs of ones: where precision cuts and carries show."""
    ones = (1 << width) - 1
    values = [0, ones, 1, ones - 1, 1 << (width - 1), ones >> 1]
    values += [sum(1 << i for i in range(start, width, step)) for step in (2, 4) for start in range(step)]
    for i in range(width):
        values += [1 << i, ones ^ (1 << i), (1 << i) - 1]
    return list(dict.fromkeys(value & ones for value in values))


def _require_same_ports(golden: Netlist, candidate: Netlist) -> tuple[int, ...]:
    def shape(ports: tuple[Port, ...]) -> list[tuple[str, int]]:
        return [(port.name, port.width) for port in ports]

    if shape(golden.inputs) != shape(candidate.inputs) or shape(golden.outputs) != shape(candidate.outputs):
        raise ValueError("the ports of golden model and candidate differ")
    return tuple(port.width for port in golden.inputs)


@lru_cache(maxsize=16)
def _corner_words(widths: tuple[int, ...]) -> tuple[Words, int]:
    """All combinations of the ports' corners; where these are too many, the ports' first corners only."""
    choices = [corner_values(width) for width in widths]
    most = max(2, int(_MOST_CORNERS ** (1 / max(1, len(widths))) + 1e-9))
    vectors = list(itertools.islice(itertools.product(*(values[:most] for values in choices)), _MOST_CORNERS))
    columns: list[tuple[int, ...]] = list(zip(*vectors, strict=True)) if vectors and widths else []
    rows = [pack(column, width) for column, width in zip(columns, widths, strict=True)]
    stimulus = _stack(rows, len(vectors))
    stimulus.setflags(write=False)
    return stimulus, len(vectors)


def _secret_words(ports: tuple[Port, ...], seed: int, count: int) -> Words:
    """Half of the vectors are uniform. The others are sparse, dense, carry chains (a port and its complement, but for a
    few bits) and ports that are equal but for a few bits."""
    words = max(1, count // 64)
    draw = np.random.default_rng(seed)

    def random(rows: int, columns: int) -> Words:
        return draw.integers(0, 1 << 64, size=(rows, columns), dtype=np.uint64, endpoint=False)

    eighth = words // 8
    parts: list[list[Words]] = []
    for port in ports:
        width = port.width
        sparse = random(width, eighth) & random(width, eighth) & random(width, eighth)
        dense = random(width, eighth) | random(width, eighth) | random(width, eighth)
        few = (
            random(width, 2 * eighth)
            & random(width, 2 * eighth)
            & random(width, 2 * eighth)
            & random(width, 2 * eighth)
        )
        twin = next((part for part in parts if part[0].shape[0] == width), None)
        if twin is None:
            near = random(width, 2 * eighth)
        else:
            near = twin[3] ^ few
            near[:, :eighth] = ~near[:, :eighth]
        parts.append([random(width, words - 4 * eighth), sparse, dense, near])
    return (
        np.concatenate([np.concatenate(part, axis=1) for part in parts]) if parts else np.zeros((0, words), np.uint64)
    )


def _stack(rows: Sequence[Words], count: int) -> Words:
    return np.concatenate(rows) if rows else np.zeros((0, (count + 63) // 64), dtype=np.uint64)


def _by_port(ports: tuple[Port, ...], rows: Words, count: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    at = 0
    for port in ports:
        found[port.name] = unpack(rows[at : at + port.width], count)
        at += port.width
    return found


def _lane(stimulus: Words, lane: int) -> int:
    column: NDArray[np.uint64] = stimulus[:, lane // 64] >> np.uint64(lane % 64) & np.uint64(1)
    return sum(int(bit) << index for index, bit in enumerate(column))


def _count_lanes(apart: Words, vectors: int) -> int:
    any_row = np.bitwise_or.reduce(apart, axis=0)
    return int(np.unpackbits(any_row.view(np.uint8), bitorder="little")[:vectors].sum())
