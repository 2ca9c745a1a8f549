"""The closed-form model against SCALE-Sim's figures, loops that are really walked, and the roofline."""

from __future__ import annotations

from collections import Counter
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.accelerators.arch.model import (
    bound,
    does_fit,
    layer_cost,
    least_bytes,
    schedule,
    stall_free_cycles,
    tile_bytes,
    traffic,
)
from evaluators.accelerators.arch.sampling import random_config
from evaluators.accelerators.arch.schema import DATAFLOWS, ORDERS, ArchConfig, Dataflow, Mapping, Order
from evaluators.accelerators.arch.technology import (
    area_mm2,
    fastest_mhz,
    mac_for,
    memory_pj_per_byte,
)
from evaluators.accelerators.arch.workloads import NETWORKS, Layer, conv, find_layer, gemm

GEMM = gemm("gemm", 128, 128, 128)
CONV = conv("conv", (14, 14), 64, 64, (3, 3))


def mapping(dataflow: Dataflow = "os", m: int = 65536, n: int = 65536, k: int = 65536, order: Order = "mnk") -> Mapping:
    return Mapping(dataflow=dataflow, tile_m=m, tile_n=n, tile_k=k, order=order)


def config(**fields: object) -> ArchConfig:
    values: dict[str, object] = {
        "pe_rows": 8,
        "pe_cols": 8,
        "l1_kib": 4,
        "l2_kib": 64,
        "dram_gbps": 6.4,
        "clock_mhz": 400,
        "precision": 8,
        "mappings": (mapping(),),
    }
    return ArchConfig.model_validate({**values, **fields})


@pytest.mark.parametrize(
    ("layer", "lanes", "dataflow", "cycles"),
    [
        (GEMM, 16, "os", 10111),
        (GEMM, 16, "ws", 11135),
        (GEMM, 16, "is", 11135),
        (GEMM, 32, "os", 3039),
        (GEMM, 32, "ws", 3551),
        (GEMM, 32, "is", 3551),
        (CONV, 16, "os", 31511),
        (CONV, 16, "ws", 34847),
        (CONV, 16, "is", 51479),
        (CONV, 32, "os", 8931),
        (CONV, 32, "ws", 10439),
        (CONV, 32, "is", 19907),
    ],
)
def test_cycles_without_stalls_are_those_of_scale_sim(
    layer: Layer, lanes: int, dataflow: Dataflow, cycles: int
) -> None:
    """Figures of SCALE-Sim 3.0.0 itself: `benchmarks/arch_scalesim.py` runs it again."""
    assert stall_free_cycles(layer, lanes, lanes, mapping(dataflow)) == cycles


def pieces(size: int, tile: int) -> list[int]:
    return [min(tile, size - start) for start in range(0, size, tile)]


small = st.integers(1, 40)


@given(small, small, small, small, small, small, st.integers(1, 9), st.integers(1, 9), st.sampled_from(DATAFLOWS))
def test_tiled_cycles_are_the_sum_over_the_tiles(
    m: int, n: int, k: int, tm: int, tn: int, tk: int, rows: int, cols: int, dataflow: Dataflow
) -> None:
    layer = gemm("l", m, n, k)
    total = 0
    for a, b, c in product(pieces(m, tm), pieces(n, tn), pieces(k, tk)):
        one = stall_free_cycles(gemm("tile", a, b, c), rows, cols, mapping(dataflow))
        total += one + 1  # the last cycle of a tile is the next one's first but at the very end
    assert stall_free_cycles(layer, rows, cols, mapping(dataflow, tm, tn, tk)) == total - 1


def walked_dram_bytes(layer: Layer, one: Mapping) -> float:
    """The loop nest, walked: a tile that its operand did not have before has to come, and sums to go and return."""
    tiles = {"m": (layer.m, one.tile_m), "n": (layer.n, one.tile_n), "k": (layer.k, one.tile_k)}
    sizes = {name: pieces(*pair) for name, pair in tiles.items()}
    moved = 0.0
    held: dict[str, tuple[int, int]] = {}
    added: Counter[tuple[int, int]] = Counter()
    for indices in product(*(range(len(sizes[name])) for name in one.order)):
        at = dict(zip(one.order, indices, strict=True))
        for operand, first, second in (("a", "m", "k"), ("b", "k", "n")):
            here = at[first], at[second]
            if held.get(operand) != here:
                held[operand] = here
                moved += sizes[first][here[0]] * sizes[second][here[1]]
        sums, before = (at["m"], at["n"]), held.get("c")
        if before is not None and before != sums and added[before] < len(sizes["k"]):
            moved += 4 * sizes["m"][before[0]] * sizes["n"][before[1]]
        if before != sums and added[sums]:
            moved += 4 * sizes["m"][sums[0]] * sizes["n"][sums[1]]
        held["c"] = sums
        added[sums] += 1
    return moved + layer.m * layer.n


@given(small, small, small, small, small, small, st.sampled_from(ORDERS))
def test_dram_traffic_is_that_of_the_loops_walked(
    m: int, n: int, k: int, tm: int, tn: int, tk: int, order: Order
) -> None:
    layer, one = gemm("l", m, n, k), mapping("os", tm, tn, tk, order)
    assert traffic(layer, config(), one).dram == walked_dram_bytes(layer, one)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([layer for network in NETWORKS.values() for layer in network]))
def test_nothing_is_below_the_roofline(seed: int, layer: Layer) -> None:
    drawn = random_config(Random(seed), precision=8, dram_gbps=25.6)
    variant = mac_for(drawn.precision, drawn.clock_mhz)
    if variant is None:
        return
    least = bound(layer, drawn, variant)
    for one in drawn.mappings:
        cost = layer_cost(layer, drawn, one, variant)
        assert cost.cycles >= least.cycles
        assert cost.energy_pj >= least.energy_pj
        assert cost.dram_bytes >= least_bytes(layer, drawn) * layer.repeat * (1 - 1e-12)
        assert cost.cycles >= cost.array_cycles


def test_a_layer_takes_the_best_mapping_that_fits() -> None:
    tight = config(l2_kib=16, mappings=(mapping("os"), mapping("os", 16, 16, 16), mapping("os", 32, 32, 64)))
    variant = mac_for(8, 400)
    assert variant is not None
    (cost,) = schedule([GEMM], tight, variant)
    assert cost is not None
    assert not does_fit(GEMM, tight, tight.mappings[0])
    assert cost.mapping == tight.mappings[2]
    assert cost.edp < layer_cost(GEMM, tight, tight.mappings[1], variant).edp
    (none,) = schedule([GEMM], config(l2_kib=4), variant)
    assert none is None


def test_tiles_need_both_operands_twice_and_their_sums() -> None:
    assert tile_bytes(GEMM, config(), mapping(m=16, n=32, k=64)) == 2 * (16 * 64 + 64 * 32) + 4 * 16 * 32


def test_a_convolution_brings_its_overlapping_rows_once() -> None:
    assert CONV.inputs == 16 * 16 * 64
    assert CONV.m * CONV.k == 196 * 576
    assert traffic(CONV, config(l2_kib=1024), mapping()).dram == CONV.inputs + 576 * 64 + 196 * 64


def test_less_bandwidth_takes_longer_and_says_so() -> None:
    variant = mac_for(8, 400)
    assert variant is not None
    slow = layer_cost(GEMM, config(dram_gbps=0.1, l2_kib=256), mapping(), variant)
    fast = layer_cost(GEMM, config(dram_gbps=12.8, l2_kib=256), mapping(), variant)
    assert slow.limit == "dram"
    assert fast.limit == "array"
    assert slow.cycles > fast.cycles
    assert slow.energy_pj == fast.energy_pj


def test_a_larger_operand_buffer_asks_less_of_the_global_one() -> None:
    for dataflow in DATAFLOWS:
        moved = [traffic(GEMM, config(l1_kib=size), mapping(dataflow)).l2_array for size in (1, 4, 16, 64, 256)]
        assert moved == sorted(moved, reverse=True)
        assert moved[-1] < moved[0]


def test_memory_energies_meet_the_published_points() -> None:
    for kib, pj in ((8, 10.0), (32, 20.0), (1024, 100.0)):
        assert memory_pj_per_byte(kib) * 8 == pytest.approx(pj)
    sizes = [memory_pj_per_byte(2**power) for power in range(15)]
    assert sizes == sorted(sizes)


def test_a_faster_clock_needs_a_larger_unit_and_ends_somewhere() -> None:
    slow, fast = mac_for(8, 200), mac_for(8, 900)
    assert slow is not None
    assert fast is not None
    assert fast.area_um2 > slow.area_um2
    assert mac_for(8, 1001) is None
    assert fastest_mhz(8) == pytest.approx(1000.0)


def test_every_further_dataflow_costs_area() -> None:
    variant = mac_for(8, 400)
    assert variant is not None
    areas = [
        area_mm2(config(mappings=tuple(mapping(one) for one in DATAFLOWS[:count])), variant) for count in (1, 2, 3)
    ]
    assert areas[0] < areas[1] < areas[2]


def test_shapes_of_the_networks() -> None:
    """Multiply-accumulate operations as published for MLPerf Tiny's networks, within what is not a layer here."""
    macs = {name: sum(layer.macs for layer in layers) for name, layers in NETWORKS.items()}
    assert macs["ds-cnn"] == pytest.approx(2.66e6, rel=0.02)
    assert macs["mobilenet-v1-0.25"] == pytest.approx(7.5e6, rel=0.05)
    assert macs["resnet-8"] == pytest.approx(12.5e6, rel=0.03)
    assert macs["fc-ae"] == pytest.approx(196 * 264_192, rel=0.01)
    assert find_layer("ds-cnn/pw1") == Layer("ds-cnn/pw1", "pointwise", 125, 64, 64)
    assert find_layer("ds-cnn/none") is None
    assert find_layer("nothing") is None
