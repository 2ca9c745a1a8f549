"""Memory shared with the worker: sealed memory files, poison around the data, canaries around the outputs."""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.kernels.spec import Array, Dims, Floats, KernelSettings
from nightforge.errors import EvaluatorFault

_PAGE = 4096
_LEAD = 64 * 1024
_LINE = 64
_F_SEAL_FUTURE_WRITE = 0x0010


@dataclass
class _Buffer:
    name: str
    written: bool
    descriptor: int
    size: int
    memory: mmap.mmap
    raw: NDArray[np.uint8]


class Arena:
    """One memory file per buffer argument, shared by every worker of an evaluation (so that candidate, baseline and
    control work on the same physical pages; all but one are frozen at any time).

    Data are placed so that they end at the guard page that the worker maps behind the file, rounded down to a
    cache line: pointers are 64-byte aligned, and the up to 60 bytes between the end of the data and the guard hold
    canaries. Inputs are sealed against every future writable mapping before a worker sees them.
    """

    def __init__(self, settings: KernelSettings, shapes: Iterable[Dims], rng: np.random.Generator) -> None:
        self._arguments = {argument.name: argument for argument in settings.buffers}
        self._buffers: dict[str, _Buffer] = {}
        self._canary = rng.integers(0, 256, _LEAD + _LINE, dtype=np.uint8)
        shapes = list(shapes)
        try:
            for argument in settings.buffers:
                needed = max(argument.bytes(dims) for dims in shapes)
                size = -(-(needed + _LINE + _LEAD) // _PAGE) * _PAGE
                self._buffers[argument.name] = _make(argument.name, size, written=argument.is_written)
        except OSError as error:
            self.close()
            raise EvaluatorFault(
                f"shared memory cannot be made: {error}", hint="is there enough free memory?"
            ) from error

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(buffer.descriptor for buffer in self._buffers.values())

    @property
    def total_bytes(self) -> int:
        return sum(buffer.size for buffer in self._buffers.values())

    def worker_arguments(self) -> tuple[str, ...]:
        """By buffer: may it be written, its bytes, and where these are no float32 the type of its elements."""
        found = []
        for name, buffer in self._buffers.items():
            element = self._arguments[name].element
            found.append(f"{'w' if buffer.written else 'r'}:{buffer.size}" + f":{element}" * (element != "float32"))
        return tuple(found)

    def index(self, name: str) -> int:
        return list(self._buffers).index(name)

    def offset(self, name: str, dims: Dims) -> int:
        buffer = self._buffers[name]
        return (buffer.size - self._arguments[name].bytes(dims)) // _LINE * _LINE

    def view(self, name: str, dims: Dims) -> Array:
        return self._data(name, dims).view(self._arguments[name].dtype)

    def floats(self, name: str, dims: Dims) -> Floats:
        """The view of a buffer that holds float32, as all do that a kernel may write."""
        return self._data(name, dims).view(np.float32)

    def views(self, dims: Dims) -> dict[str, Array]:
        return {name: self.view(name, dims) for name in self._buffers}

    def _data(self, name: str, dims: Dims) -> NDArray[np.uint8]:
        start = self.offset(name, dims)
        return self._buffers[name].raw[start : start + self._arguments[name].bytes(dims)]

    def poison_inputs(self, dims: Dims, value: float = np.nan) -> None:
        """`value` right before and behind the read-only data, so that a stray read shows in the result."""
        for name, buffer in self._buffers.items():
            if not buffer.written:
                before, behind = self._edges(name, dims)
                before.view(np.float32).fill(value)
                behind.view(np.float32).fill(value)

    def arm(self, dims: Dims, *, keep: Sequence[str] = ()) -> None:
        """What may be written becomes NaN (`keep`: inout arrays, filled by the caller), with canaries around it."""
        for name, buffer in self._buffers.items():
            if buffer.written:
                before, behind = self._edges(name, dims)
                before[:] = self._canary[: before.size]
                behind[:] = self._canary[_LEAD : _LEAD + behind.size]
                if name not in keep:
                    self.floats(name, dims).fill(np.nan)

    def trespass(self, dims: Dims) -> str:
        """Where the kernel wrote outside its outputs, in words; empty when it did not."""
        for name, buffer in self._buffers.items():
            if buffer.written:
                before, behind = self._edges(name, dims)
                if not np.array_equal(before, self._canary[: before.size]):
                    return f"wrote before the start of {name}"
                if not np.array_equal(behind, self._canary[_LEAD : _LEAD + behind.size]):
                    return f"wrote past the end of {name}"
        return ""

    def _edges(self, name: str, dims: Dims) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        start = self.offset(name, dims)
        end = start + self._arguments[name].bytes(dims)
        raw = self._buffers[name].raw
        return raw[start - _LEAD : start], raw[end:]

    def close(self) -> None:
        """Let go of the memory; views that are still held keep it alive until they go, too."""
        for buffer in self._buffers.values():
            os.close(buffer.descriptor)
        self._buffers.clear()


def _make(name: str, size: int, *, written: bool) -> _Buffer:
    descriptor = os.memfd_create(f"nf-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    populate = getattr(mmap, "MAP_POPULATE", 0)
    memory = mmap.mmap(descriptor, size, mmap.MAP_SHARED | populate, mmap.PROT_READ | mmap.PROT_WRITE)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
    if not written:
        seals |= _F_SEAL_FUTURE_WRITE
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals | fcntl.F_SEAL_SEAL)
    return _Buffer(name, written, descriptor, size, memory, np.frombuffer(memory, dtype=np.uint8))
