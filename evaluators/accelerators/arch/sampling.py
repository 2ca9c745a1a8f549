"""Configurations by chance, by rule and by name: what a search is held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

from evaluators.accelerators.arch.model import does_fit, layer_cost
from evaluators.accelerators.arch.schema import DATAFLOWS, ORDERS, ArchConfig, Dataflow, Mapping, Precision
from evaluators.accelerators.arch.technology import mac_for
from evaluators.accelerators.arch.workloads import Layer

MOST_SUMMED = 3
"""Mappings of a configuration drawn by chance."""


def random_mapping(random: Random) -> Mapping:
    tiles = [max(1, round(2 ** random.uniform(2.0, 10.0))) for _ in range(3)]
    return Mapping(
        dataflow=random.choice(DATAFLOWS),
        tile_m=tiles[0],
        tile_n=tiles[1],
        tile_k=tiles[2],
        order=random.choice(ORDERS),
    )


def random_config(random: Random, *, precision: Precision, dram_gbps: float) -> ArchConfig:
    """Sizes drawn evenly on a logarithmic scale; the bandwidth between an eighth of what is allowed and all of it."""
    return ArchConfig(
        pe_rows=round(2 ** random.uniform(1.0, 6.0)),
        pe_cols=round(2 ** random.uniform(1.0, 6.0)),
        l1_kib=2 ** random.randint(0, 5),
        l2_kib=2 ** random.randint(3, 8),
        dram_gbps=round(dram_gbps * 2 ** random.uniform(-3.0, 0.0), 2),
        clock_mhz=round(2 ** random.uniform(6.0, 10.0)),
        precision=precision,
        mappings=tuple(random_mapping(random) for _ in range(random.randint(1, MOST_SUMMED))),
    )


def mapping_space(layer: Layer, config: ArchConfig, dataflows: Sequence[Dataflow]) -> Iterator[Mapping]:
    """Tiles that fill the array a power of two times (in its own dimension: a power of two), or the whole dimension."""
    for dataflow in dataflows:
        lanes = {
            "os": (config.pe_rows, config.pe_cols, 1),
            "ws": (1, config.pe_cols, config.pe_rows),
            "is": (config.pe_cols, 1, config.pe_rows),
        }[dataflow]
        for tile_m, tile_n, tile_k in product(*map(_tiles, (layer.m, layer.n, layer.k), lanes)):
            for order in ORDERS:
                yield Mapping(dataflow=dataflow, tile_m=tile_m, tile_n=tile_n, tile_k=tile_k, order=order)


def _tiles(size: int, lanes: int) -> list[int]:
    least = lanes if lanes > 1 else min(8, size)
    multiples = [least * 2**power for power in range(size.bit_length()) if least * 2**power < size]
    return [*multiples, size]


def best_mapping(layer: Layer, config: ArchConfig, dataflows: Sequence[Dataflow]) -> Mapping | None:
    """The best of `mapping_space` on this hardware by energy times time; None where none fits."""
    variant = mac_for(config.precision, config.clock_mhz)
    if variant is None:
        return None
    fitting = (one for one in mapping_space(layer, config, dataflows) if does_fit(layer, config, one))
    return min(fitting, key=lambda one: layer_cost(layer, config, one, variant).edp, default=None)


REFERENCES: dict[str, tuple[str, int, int, int, int, int, Dataflow]] = {
    "tpu-like": ("weights stationary, square, a large buffer (after the TPU)", 16, 16, 4, 128, 700, "ws"),
    "eyeriss-like": ("12 x 14, 128 KiB, small operand buffers (after Eyeriss's sizes)", 12, 14, 2, 128, 200, "os"),
    "shidiannao-like": ("8 x 8, outputs stationary (after ShiDianNao's sizes)", 8, 8, 4, 256, 1000, "os"),
    "nvdla-small-like": ("8 x 8, weights stationary, 128 KiB (after NVDLA's small one)", 8, 8, 2, 128, 1000, "ws"),
}
"""Name -> title, rows, columns, l1, l2 (KiB), MHz, dataflow: arrays of the size of published ones, in this model."""


def reference_config(
    name: str, layers: Sequence[Layer], *, precision: Precision, dram_gbps: float
) -> ArchConfig | None:
    """A published design's sizes, each layer with its best mapping of `mapping_space`; None where a layer fits none."""
    _, rows, cols, l1_kib, l2_kib, clock_mhz, dataflow = REFERENCES[name]
    whole = Mapping(dataflow=dataflow, tile_m=1, tile_n=1, tile_k=1, order="mnk")
    bare = ArchConfig(
        pe_rows=rows,
        pe_cols=cols,
        l1_kib=l1_kib,
        l2_kib=l2_kib,
        dram_gbps=dram_gbps,
        clock_mhz=clock_mhz,
        precision=precision,
        mappings=(whole,),
    )
    found = [best_mapping(layer, bare, (dataflow,)) for layer in layers]
    if any(mapping is None for mapping in found):
        return None
    return bare.model_copy(update={"mappings": tuple(mapping for mapping in found if mapping is not None)})
