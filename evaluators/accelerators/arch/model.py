"""The closed-form model: cycles, traffic and energy of one layer on one configuration.

Cycles of the array without stalls are SCALE-Sim's (A. Samajdar et al., ISPASS 2020), tile by tile; traffic follows
from which operands a tile loop reuses, as in ZigZag and Timeloop; a layer takes as long as the slowest of array, DRAM
and global buffer, which work at the same time, and the first tile's way in and the last one's way out. No leakage, no
DRAM pages, no bank conflicts: numbers rank designs, they are not silicon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.accelerators.arch.schema import ArchConfig, Mapping
from evaluators.accelerators.arch.technology import (
    ACCUMULATOR_BITS,
    DRAM_PJ_PER_BYTE,
    MacVariant,
    mac_pj,
    memory_pj_per_byte,
    register_pj_per_byte,
)
from evaluators.accelerators.arch.workloads import Layer

L2_PORT_BYTES = 16
"""Bytes that the global buffer moves to or from the array's side in a cycle."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes moved while a layer runs once."""

    dram: float
    l2_array: float
    """Between the global buffer and the array's side."""
    l1: float
    """Read from and written to the operand buffer."""
    registers: float
    first: float
    """To be brought before the first cycle."""
    last: float
    """To be taken away after the last."""


@dataclass(frozen=True, slots=True)
class LayerCost:
    """A layer's whole cost, all of its repeats."""

    layer: Layer
    mapping: Mapping
    cycles: float
    array_cycles: int
    """SCALE-Sim's, without stalls."""
    energy_pj: float
    dram_bytes: float
    limit: str
    """`array`, `dram` or `l2`: what it waits for."""

    @property
    def edp(self) -> float:
        return self.cycles * self.energy_pj


@dataclass(frozen=True, slots=True)
class Bound:
    """What no mapping of a layer can be below."""

    cycles: float
    energy_pj: float


def stall_free_cycles(layer: Layer, rows: int, cols: int, mapping: Mapping) -> int:
    """Cycles of the array alone for one product; SCALE-Sim's figure when a tile is the whole layer."""
    m, n, k = layer.m, layer.n, layer.k
    tm, tn, tk = _tiles(layer, mapping)
    if mapping.dataflow == "os":
        folds, stream, trips, skew = _folds(m, tm, rows) * _folds(n, tn, cols), k, _trips(k, tk), rows + cols - 2
    elif mapping.dataflow == "ws":
        folds, stream, trips, skew = _folds(k, tk, rows) * _folds(n, tn, cols), m, _trips(m, tm), 2 * rows + cols - 2
    else:
        folds, stream, trips, skew = _folds(k, tk, rows) * _folds(m, tm, cols), n, _trips(n, tn), 2 * rows + cols - 2
    return folds * (stream + trips * skew) - 1


def _tiles(layer: Layer, mapping: Mapping) -> tuple[int, int, int]:
    return min(mapping.tile_m, layer.m), min(mapping.tile_n, layer.n), min(mapping.tile_k, layer.k)


def _trips(size: int, tile: int) -> int:
    return -(-size // tile)


def _folds(size: int, tile: int, lanes: int) -> int:
    """Passes over `lanes` that all tiles of a dimension take together; the last tile may be smaller."""
    whole, rest = divmod(size, tile)
    return whole * _trips(tile, lanes) + _trips(rest, lanes)


def does_fit(layer: Layer, config: ArchConfig, mapping: Mapping) -> bool:
    """Both operands' tiles twice (one is used while the next comes) and the sums' tile once, in the global buffer."""
    return tile_bytes(layer, config, mapping) <= config.l2_kib * 1024


def tile_bytes(layer: Layer | None, config: ArchConfig, mapping: Mapping) -> float:
    """Of the global buffer. Without a layer, for one that no tile is larger than: the most that any layer needs."""
    tm, tn, tk = _tiles(layer, mapping) if layer else (mapping.tile_m, mapping.tile_n, mapping.tile_k)
    operand, total = config.precision / 8, ACCUMULATOR_BITS[config.precision] / 8
    inputs = min(tm * tk, layer.inputs) if layer else tm * tk
    return 2 * (inputs + tk * tn) * operand + tm * tn * total


def least_l1_bytes(config: ArchConfig) -> float:
    """Two words of a sum for each row and column: less could not feed the array at all."""
    return 2 * (config.pe_rows + config.pe_cols) * ACCUMULATOR_BITS[config.precision] / 8


def traffic(layer: Layer, config: ArchConfig, mapping: Mapping) -> Traffic:
    operand, total = config.precision / 8, ACCUMULATOR_BITS[config.precision] / 8
    tm, tn, tk = _tiles(layer, mapping)
    trips = {"m": _trips(layer.m, tm), "n": _trips(layer.n, tn), "k": _trips(layer.k, tk)}
    outputs = layer.m * layer.n
    again = {loop: _reloads(loop, trips, mapping.order) for loop in "mnk"}
    spills = again["k"] - 1
    dram = operand * (layer.inputs * again["n"] + layer.k * layer.n * again["m"] + outputs)
    dram += 2 * total * outputs * spills
    l2_array, l1, registers = _array_side(layer, config, mapping, trips)
    first = operand * (min(tm * tk, layer.inputs) + tk * tn)
    return Traffic(dram, l2_array, l1, registers, first, tm * tn * operand)


def _reloads(loop: str, trips: dict[str, int], order: str) -> int:
    """How often the operand that does not depend on `loop` passes: once, or once for each of the loop's trips.

    Its tile stays while only `loop` turns; a turning loop further in, on which it depends, replaces it.
    """
    inner = order[order.index(loop) + 1 :]
    return trips[loop] if any(trips[other] > 1 for other in inner) else 1


def _array_side(
    layer: Layer, config: ArchConfig, mapping: Mapping, trips: dict[str, int]
) -> tuple[float, float, float]:
    """Bytes between global buffer and array, of the operand buffer, of the registers.

    Half of the operand buffer holds what comes again for the next fold (else the global buffer gives it again), the
    other half the second operand, or the sums of a strip while their product dimension is folded.
    """
    operand, total = config.precision / 8, ACCUMULATOR_BITS[config.precision] / 8
    tm, tn, tk = _tiles(layer, mapping)
    half = config.l1_kib * 512
    rows, cols = config.pe_rows, config.pe_cols
    outputs, macs = layer.m * layer.n, layer.m * layer.n * layer.k
    if mapping.dataflow == "os":
        down, across = _folds(layer.m, tm, rows), _folds(layer.n, tn, cols)
        streamed = layer.m * layer.k * across + layer.k * layer.n * down
        kept_a = min(rows, tm) * tk * operand <= half
        kept_b = tk * tn * operand <= half
        loaded = layer.m * layer.k * (trips["n"] if kept_a else across)
        loaded += layer.k * layer.n * (trips["m"] if kept_b else down)
        rounds = trips["k"]
        sums = total * outputs * 2 * (rounds - 1) + operand * outputs
        registers = macs * (4 * operand + 2 * total)
        return loaded * operand + sums, (streamed + loaded) * operand, registers
    # Weights stationary; inputs stationary is the same with the two outer dimensions exchanged.
    first, second = ("m", "n") if mapping.dataflow == "ws" else ("n", "m")
    size = {"m": layer.m, "n": layer.n}
    tile = {"m": tm, "n": tn}
    down, across = _folds(layer.k, tk, rows), _folds(size[second], tile[second], cols)
    moving, held = size[first] * layer.k, size[second] * layer.k
    loaded = moving * (trips[second] if tile[first] * tk * operand <= half else across) + held * trips[first]
    strip = tile[first] * min(cols, tile[second]) * total <= half
    rounds = trips["k"] if strip else down
    sums = total * outputs * 2 * (rounds - 1) + operand * outputs
    in_l1 = total * outputs * (2 * down - trips["k"]) if strip else 0.0
    l1 = (moving * across + held * trips[first] + loaded) * operand + in_l1
    return loaded * operand + sums, l1, macs * (3 * operand + 2 * total)


def layer_cost(layer: Layer, config: ArchConfig, mapping: Mapping, variant: MacVariant) -> LayerCost:
    """One layer with one mapping, which must fit."""
    moved = traffic(layer, config, mapping)
    array = stall_free_cycles(layer, config.pe_rows, config.pe_cols, mapping)
    per_cycle = dram_bytes_per_cycle(config)
    waits = {"array": float(array), "dram": moved.dram / per_cycle, "l2": moved.l2_array / L2_PORT_BYTES}
    limit = max(waits, key=lambda name: waits[name])
    cycles = waits[limit] + (moved.first + moved.last) / per_cycle
    l2_pj = memory_pj_per_byte(config.l2_kib)
    energy = layer.m * layer.n * layer.k * mac_pj(config.precision, variant)
    energy += moved.registers * register_pj_per_byte() + moved.l1 * memory_pj_per_byte(config.l1_kib)
    energy += moved.l2_array * l2_pj + moved.dram * (DRAM_PJ_PER_BYTE + l2_pj)
    return LayerCost(
        layer=layer,
        mapping=mapping,
        cycles=cycles * layer.repeat,
        array_cycles=array * layer.repeat,
        energy_pj=energy * layer.repeat,
        dram_bytes=moved.dram * layer.repeat,
        limit=limit,
    )


def dram_bytes_per_cycle(config: ArchConfig) -> float:
    return config.dram_gbps * 1000.0 / config.clock_mhz


def schedule(layers: Sequence[Layer], config: ArchConfig, variant: MacVariant) -> list[LayerCost | None]:
    """Each layer with the mapping that suits it best by energy times time; None where none fits."""
    found: list[LayerCost | None] = []
    for layer in layers:
        costs = [layer_cost(layer, config, one, variant) for one in config.mappings if does_fit(layer, config, one)]
        found.append(min(costs, key=lambda cost: cost.edp, default=None))
    return found


def least_bytes(layer: Layer, config: ArchConfig) -> float:
    """Every operand in once and every output out once."""
    return (layer.inputs + layer.k * layer.n + layer.m * layer.n) * config.precision / 8


def bound(layer: Layer, config: ArchConfig, variant: MacVariant) -> Bound:
    """The roofline (S. Williams et al., CACM 2009) of array and DRAM, and the energy of what cannot be left out."""
    macs, moved = layer.m * layer.n * layer.k, least_bytes(layer, config)
    cycles = max(macs / config.pes, moved / dram_bytes_per_cycle(config))
    energy = macs * mac_pj(config.precision, variant) + moved * DRAM_PJ_PER_BYTE
    return Bound(cycles * layer.repeat, energy * layer.repeat)
