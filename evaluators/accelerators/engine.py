"""Netlists on many vectors at once: our C library where a compiler is found, numpy where not.

The library (`sandbox/runners/netlist_worker.c`) is compiled from our own source inside the box, once per process, and
loaded into this one. It is given numbers that were read from a synthesis tool's output, and checks each of them.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import sandbox as sandbox_package
from evaluators.accelerators.netlist import Gate, Kind, Netlist
from nightforge.domain.limits import MIB, Limits
from nightforge.domain.ports import Sandbox
from nightforge.errors import EvaluatorFault, SandboxFault
from sandbox.launch import memory_file

Words: TypeAlias = NDArray[np.uint64]
"""One row per net, 64 vectors per word: bit v of word w is the net's value in vector 64 w + v."""
Gates: TypeAlias = NDArray[np.uint32]

SOURCE = Path(next(iter(sandbox_package.__path__))) / "runners" / "netlist_worker.c"
MOST_EXHAUSTIVE_BITS = 32
NUMPY_EXHAUSTIVE_BITS = 20
"""Without a compiler: more would take minutes."""
_KINDS: tuple[Kind, ...] = ("NOT", "AND", "OR", "XOR", "NAND", "NOR", "XNOR", "ANDNOT", "ORNOT", "MUX", "BUF")
_NUMBER = {kind: number for number, kind in enumerate(_KINDS)}
_COMPILE = ("gcc", "-std=gnu11", "-O2", "-march=native", "-w", "-shared", "-fPIC", "-o", "worker.so", "/job/worker.c")
_COMPILE_WALL_S = 120.0
DIFFERS = 1
_FAULTS = {-1: "the netlist is not in topological order", -2: "no memory", -3: "too many inputs"}

_UINT32S = np.ctypeslib.ndpointer(np.uint32, flags="C_CONTIGUOUS")
_UINT64S = np.ctypeslib.ndpointer(np.uint64, flags="C_CONTIGUOUS")


def gate_table(gates: Sequence[Gate], *, shift_from: int = 0, shift: int = 0) -> Gates:
    """One row (kind, a, b, c, output) per gate; nets from `shift_from` on are moved up by `shift`."""
    rows = [(_NUMBER[gate.kind], *(*gate.inputs, 0, 0)[:3], gate.output) for gate in gates]
    table = np.array(rows, dtype=np.uint32).reshape(len(rows), 5)
    if shift:
        nets = table[:, 1:]
        nets[nets >= shift_from] += np.uint32(shift)
    return table


def port_nets(netlist: Netlist, *, inputs: bool) -> NDArray[np.uint32]:
    ports = netlist.inputs if inputs else netlist.outputs
    return np.array([net for port in ports for net in port.bits], dtype=np.uint32)


@dataclass(frozen=True)
class Comparison:
    """Two netlists of the same ports as one: shared inputs, then golden's gates, then the candidate's."""

    gates: Gates
    nets: int
    inputs: NDArray[np.uint32]
    golden: NDArray[np.uint32]
    candidate: NDArray[np.uint32]

    @classmethod
    def of(cls, golden: Netlist, candidate: Netlist) -> Comparison:
        first = 2 + golden.input_bits
        shift = len(golden.gates)
        outputs = port_nets(candidate, inputs=False)
        return cls(
            gates=np.concatenate(
                [gate_table(golden.gates), gate_table(candidate.gates, shift_from=first, shift=shift)]
            ),
            nets=first + shift + len(candidate.gates),
            inputs=port_nets(golden, inputs=True),
            golden=port_nets(golden, inputs=False),
            candidate=np.where(outputs >= first, outputs + np.uint32(shift), outputs).astype(np.uint32),
        )


class NetlistEngine:
    """Without a library it computes with numpy. Safe to use from several threads."""

    def __init__(self, library: ctypes.CDLL | None) -> None:
        self._library = library

    @property
    def is_compiled(self) -> bool:
        return self._library is not None

    @property
    def exhaustive_bits(self) -> int:
        """Designs of at most so many input bits are tried on every input."""
        return MOST_EXHAUSTIVE_BITS if self.is_compiled else NUMPY_EXHAUSTIVE_BITS

    def simulate(self, netlist: Netlist, stimulus: Words) -> Words:
        """One row per output bit for one row per input bit, both in port order. EvaluatorFault for a bad netlist."""
        if stimulus.shape[0] != netlist.input_bits:
            raise ValueError(f"{stimulus.shape[0]} rows for {netlist.input_bits} input bits")
        if self._library is None:
            return _simulate_numpy(netlist, stimulus)
        gates = gate_table(netlist.gates)
        inputs, outputs = port_nets(netlist, inputs=True), port_nets(netlist, inputs=False)
        words = stimulus.shape[1]
        response = np.zeros((len(outputs), words), dtype=np.uint64)
        verdict = self._library.nf_simulate(
            *(gates, len(gates), netlist.nets, inputs, len(inputs), outputs, len(outputs)),
            *(np.ascontiguousarray(stimulus), words, response),
        )
        raise_fault(verdict)
        return response

    def find_difference(
        self,
        golden: Netlist,
        candidate: Netlist,
        *,
        is_late: Callable[[], bool],
        threads: int = 1,
    ) -> int | None:
        """Tries every input; the first difference as a number whose bit i is input bit i, or None when equal.

        TimeoutError when `is_late` said so before the end.
        """
        if golden.input_bits > self.exhaustive_bits:
            raise ValueError(f"{golden.input_bits} input bits are too many to try all inputs")
        if self._library is None:
            return _difference_numpy(golden, candidate, is_late)
        from evaluators.accelerators.exhaustive import try_all

        return try_all(self._library, Comparison.of(golden, candidate), is_late=is_late, threads=threads)


def raise_fault(verdict: int) -> None:
    if verdict < 0:
        raise EvaluatorFault(f"netlist worker: {_FAULTS.get(verdict, verdict)}", where=SOURCE.name)


def _simulate_numpy(netlist: Netlist, stimulus: Words) -> Words:
    nets: list[Words] = [np.zeros(stimulus.shape[1], dtype=np.uint64)] * netlist.nets
    nets[1] = ~nets[0]
    for net, row in zip(port_nets(netlist, inputs=True), stimulus, strict=True):
        nets[int(net)] = row
    for gate in netlist.gates:
        nets[gate.output] = _apply(gate.kind, [nets[net] for net in gate.inputs])
    outputs = port_nets(netlist, inputs=False)
    return np.array([nets[int(net)] for net in outputs], dtype=np.uint64).reshape(len(outputs), stimulus.shape[1])


def _apply(kind: Kind, given: Sequence[Words]) -> Words:
    a = given[0]
    b = given[-1] if kind != "MUX" else given[1]
    table: dict[Kind, Callable[[], Words]] = {
        "NOT": lambda: ~a,
        "AND": lambda: a & b,
        "OR": lambda: a | b,
        "XOR": lambda: a ^ b,
        "NAND": lambda: ~(a & b),
        "NOR": lambda: ~(a | b),
        "XNOR": lambda: ~(a ^ b),
        "ANDNOT": lambda: a & ~b,
        "ORNOT": lambda: a | ~b,
        "MUX": lambda: (b & given[2]) | (a & ~given[2]),
        "BUF": lambda: a,
    }
    return table[kind]()


def _difference_numpy(golden: Netlist, candidate: Netlist, is_late: Callable[[], bool]) -> int | None:
    """In blocks of 2^16 inputs."""
    bits = golden.input_bits
    inner = min(bits, 16)
    low = all_inputs(inner)
    for block in range(1 << (bits - inner)):
        if is_late():
            raise TimeoutError
        high = [np.full(low.shape[1], ~np.uint64(0) * np.uint64(block >> i & 1)) for i in range(bits - inner)]
        stimulus = np.concatenate([low, np.array(high, dtype=np.uint64).reshape(-1, low.shape[1])])
        apart = _simulate_numpy(golden, stimulus) ^ _simulate_numpy(candidate, stimulus)
        at = first_lane(apart, 1 << inner)
        if at is not None:
            return block << inner | at
    return None


def all_inputs(bits: int) -> Words:
    """Every value of `bits` bits, in order."""
    values = np.arange(1 << bits, dtype=np.uint64)
    rows = [
        np.packbits((values >> np.uint64(i) & np.uint64(1)).astype(np.uint8), bitorder="little") for i in range(bits)
    ]
    padded = np.zeros((bits, max(8, len(rows[0]))), dtype=np.uint8) if bits else np.zeros((0, 8), dtype=np.uint8)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded.view(np.uint64)


def first_lane(apart: Words, vectors: int) -> int | None:
    """The first vector in which any row is set."""
    any_row = np.bitwise_or.reduce(apart, axis=0)
    words = np.flatnonzero(any_row)
    if not len(words):
        return None
    word = int(words[0])
    lane = 64 * word + (int(any_row[word]) & -int(any_row[word])).bit_length() - 1
    return lane if lane < vectors else None


_COMPILED: dict[bytes, bytes | None] = {}
_LIBRARIES: dict[bytes, ctypes.CDLL | None] = {}


async def open_engine(sandbox: Sandbox) -> NetlistEngine:
    """The engine of this process; the first call compiles the library. Without gcc it is numpy's."""
    source = SOURCE.read_bytes()
    if source not in _LIBRARIES:
        library = await compile_library(sandbox, source)
        _LIBRARIES[source] = await asyncio.to_thread(load_library, library) if library else None
    return NetlistEngine(_LIBRARIES[source])


async def compile_library(sandbox: Sandbox, source: bytes) -> bytes | None:
    """A shared library of C of ours, compiled once per process; None without gcc."""
    if source not in _COMPILED:
        try:
            result = await sandbox.run(
                _COMPILE,
                files={"worker.c": source},
                limits=Limits(wall_s=_COMPILE_WALL_S, cpu_s=int(_COMPILE_WALL_S), memory_bytes=1024 * MIB),
                outputs=("worker.so",),
            )
        except SandboxFault:
            return None
        _COMPILED[source] = result.outputs.get("worker.so") or None if result.ok else None
    return _COMPILED[source]


def load_library(content: bytes) -> ctypes.CDLL | None:
    """From memory: no file that anybody could change lies between compiling and loading. None when it does not load."""
    descriptor = memory_file(content, "netlist-worker")
    try:
        library = ctypes.CDLL(f"/proc/self/fd/{descriptor}")
    except OSError:
        return None
    finally:
        os.close(descriptor)
    counts = ctypes.c_uint32
    netlist: list[Any] = [_UINT32S, counts, counts, _UINT32S, counts]
    library.nf_simulate.argtypes = [*netlist, _UINT32S, counts, _UINT64S, ctypes.c_uint64, _UINT64S]
    library.nf_plan.argtypes = [*netlist, _UINT32S, _UINT32S, counts, ctypes.POINTER(ctypes.c_int)]
    library.nf_plan.restype = ctypes.c_void_p
    library.nf_steps.argtypes = [ctypes.c_void_p]
    library.nf_steps.restype = ctypes.c_uint64
    library.nf_check.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.POINTER(ctypes.c_uint64)]
    library.nf_size.argtypes = [ctypes.c_void_p]
    library.nf_free.argtypes = [ctypes.c_void_p]
    library.nf_free.restype = None
    return library
