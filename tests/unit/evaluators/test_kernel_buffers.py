"""Shared memory: seals that outlive a reopened descriptor, placement, poison and canaries."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from evaluators.kernels.buffers import Arena
from evaluators.kernels.spec import KernelSettings, read_settings
from nightforge.domain.task import Task

_SHAPES = [{"n": 1000}, {"n": 7}]


@pytest.fixture
def settings(shipped: Callable[[str], Task]) -> KernelSettings:
    return read_settings(shipped("softmax-long"))


@pytest.fixture
def arena(settings: KernelSettings) -> Iterator[Arena]:
    made = Arena(settings, _SHAPES, np.random.default_rng(1))
    yield made
    made.close()


def _reopened(descriptor: int) -> int:
    return os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR)


def test_a_reopened_input_can_be_neither_written_nor_mapped_writable(arena: Arena) -> None:
    again = _reopened(arena.descriptors[0])
    try:
        with pytest.raises(PermissionError):
            os.pwrite(again, b"0000", 0)
        with pytest.raises(PermissionError):
            mmap.mmap(again, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        with pytest.raises(PermissionError):
            os.ftruncate(again, 1)
        mmap.mmap(again, 4096, mmap.MAP_SHARED, mmap.PROT_READ).close()
    finally:
        os.close(again)


def test_an_output_can_be_written_but_not_resized(arena: Arena) -> None:
    again = _reopened(arena.descriptors[1])
    try:
        assert os.pwrite(again, b"0000", 0) == 4
        with pytest.raises(PermissionError):
            os.ftruncate(again, 1)
    finally:
        os.close(again)


def test_our_own_writes_reach_a_reader_of_the_sealed_input(arena: Arena) -> None:
    dims = _SHAPES[0]
    arena.view("x", dims)[:] = 3.0
    start = arena.offset("x", dims)
    again = np.frombuffer(os.pread(arena.descriptors[0], 4000, start), dtype=np.float32)
    assert (again == 3.0).all()


@pytest.mark.parametrize("dims", _SHAPES)
def test_data_are_aligned_and_end_within_a_line_of_the_guard(arena: Arena, dims: dict[str, int]) -> None:
    size = os.fstat(arena.descriptors[0]).st_size
    start = arena.offset("x", dims)
    assert start % 64 == 0
    assert 0 <= size - (start + 4 * dims["n"]) < 64
    assert size % 4096 == 0


def test_armed_outputs_are_nan_and_untouched_canaries_are_silent(arena: Arena) -> None:
    arena.arm(_SHAPES[0])
    assert np.isnan(arena.view("y", _SHAPES[0])).all()
    arena.view("y", _SHAPES[0])[:] = 1.0
    assert arena.trespass(_SHAPES[0]) == ""


@pytest.mark.parametrize(
    ("place", "words"), [(-4, "before the start"), (-65536, "before the start"), (28, "past the end")]
)
def test_a_byte_outside_the_output_is_seen(arena: Arena, place: int, words: str) -> None:
    dims = _SHAPES[1]
    arena.arm(dims)
    at = arena.offset("y", dims) + place
    old = os.pread(arena.descriptors[1], 1, at)[0]
    os.pwrite(arena.descriptors[1], bytes([old ^ 0xFF]), at)
    assert words in arena.trespass(dims)


def test_inputs_are_surrounded_by_nan(arena: Arena) -> None:
    dims = _SHAPES[1]
    arena.view("x", dims)[:] = 1.0
    arena.poison_inputs(dims)
    start = arena.offset("x", dims)
    before = np.frombuffer(os.pread(arena.descriptors[0], 400, start - 400), dtype=np.float32)
    behind = np.frombuffer(os.pread(arena.descriptors[0], 36, start + 28), dtype=np.float32)
    assert np.isnan(before).all()
    assert np.isnan(behind).all()
    assert (arena.view("x", dims) == 1.0).all()
