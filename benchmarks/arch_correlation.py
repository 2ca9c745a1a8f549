"""Does the closed-form model of `arch_config` rank as ZigZag does? Spearman's rank correlation on a fixed sample.

    .venv/bin/python -m venv .venv-zigzag && .venv-zigzag/bin/pip install zigzag-dse==3.9.1 six
    .venv/bin/python benchmarks/arch_correlation.py --zigzag .venv-zigzag/bin/python

Each pair is a configuration drawn by a fixed seed and a layer. Both models get the same array, dataflow, buffers and
energies; each takes the best loops that it finds: ZigZag by its own search, ours over tiles that fill the array. A
correlation over pairs is helped by layers of unlike sizes, so that of whole workloads (all layers of a configuration
added up, as a task ranks them) must hold as well. Exits with 1 when either is below 0.8.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from evaluators.accelerators.arch.model import L2_PORT_BYTES, LayerCost, dram_bytes_per_cycle, layer_cost
from evaluators.accelerators.arch.sampling import best_mapping, random_config
from evaluators.accelerators.arch.schema import ArchConfig
from evaluators.accelerators.arch.technology import (
    ACCUMULATOR_BITS,
    DRAM_PJ_PER_BYTE,
    mac_for,
    mac_pj,
    memory_pj_per_byte,
    register_pj_per_byte,
)
from evaluators.accelerators.arch.workloads import Layer, find_layer

LEAST = 0.8
SEED = 20
CONFIGURATIONS = 20
LAYERS = (
    "gemm/128",
    "gemm/tall",
    "ds-cnn/pw1",
    "mobilenet-v1-0.25/pw3",
    "mobilenet-v1-0.25/pw7",
    "fc-ae/fc1",
    "fc-ae/fc2",
    "encoder/attention-scores",
)


def sample() -> list[tuple[ArchConfig, Layer]]:
    random = Random(SEED)
    layers = [layer for layer in map(find_layer, LAYERS) if layer is not None]
    configs: list[ArchConfig] = []
    while len(configs) < CONFIGURATIONS:
        config = random_config(random, precision=8, dram_gbps=12.8)
        config = config.model_copy(update={"mappings": config.mappings[:1]})
        if mac_for(8, config.clock_mhz) and config.l2_kib >= 16:
            configs.append(config)
    return [(config, layer) for config in configs for layer in layers]


def ours(config: ArchConfig, layer: Layer) -> LayerCost:
    variant = mac_for(config.precision, config.clock_mhz)
    mapping = best_mapping(layer, config, (config.mappings[0].dataflow,))
    assert variant is not None
    assert mapping is not None
    return layer_cost(layer, config, mapping, variant)


def job_of(number: int, config: ArchConfig, layer: Layer) -> dict[str, Any]:
    variant = mac_for(config.precision, config.clock_mhz)
    assert variant is not None
    dataflow = config.mappings[0].dataflow
    # ZigZag has no hops between neighbours: operands that pass through an element are part of its operation here.
    hops = (4 if dataflow == "os" else 2) * config.precision / 8
    return {
        "id": number,
        "rows": config.pe_rows,
        "cols": config.pe_cols,
        "dataflow": dataflow,
        "m": layer.m,
        "n": layer.n,
        "k": layer.k,
        "operand_bits": config.precision,
        "sum_bits": ACCUMULATOR_BITS[config.precision],
        "l1_bytes": config.l1_kib * 1024,
        "l2_bytes": config.l2_kib * 1024,
        "l2_port_bits": L2_PORT_BYTES * 8,
        "dram_bits_per_cycle": max(8, round(dram_bytes_per_cycle(config) * 8)),
        "mac_pj": mac_pj(config.precision, variant) + hops * register_pj_per_byte(),
        "pj_per_byte": {
            "register": register_pj_per_byte(),
            "l1": memory_pj_per_byte(config.l1_kib),
            "l2": memory_pj_per_byte(config.l2_kib),
            "dram": DRAM_PJ_PER_BYTE,
        },
    }


def zigzag(python: str, jobs: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    worker = Path(__file__).with_name("arch_zigzag_worker.py")
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "jobs.json"), Path(folder, "results.json")
        asked.write_text(json.dumps(jobs), encoding="utf-8")
        subprocess.run([python, str(worker), str(asked), str(answered)], check=True, stdout=subprocess.DEVNULL)
        return {result["id"]: result for result in json.loads(answered.read_text(encoding="utf-8"))}


def ranks(values: Sequence[float]) -> list[float]:
    """Average ranks of equal values."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for at in range(start, end):
            found[order[at]] = (start + end - 1) / 2
        start = end
    return found


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    a, b = ranks(one), ranks(other)
    mean = (len(a) - 1) / 2
    covariance = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    spread = math.sqrt(sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b))
    return covariance / spread


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zigzag", required=True, help="a Python that has zigzag-dse and six")
    parser.add_argument("--rows", action="store_true", help="print every pair")
    arguments = parser.parse_args()
    pairs = sample()
    mine = [ours(*pair) for pair in pairs]
    theirs = zigzag(arguments.zigzag, [job_of(number, *pair) for number, pair in enumerate(pairs)])
    both = [number for number in range(len(pairs)) if "error" not in theirs[number]]
    failed = len(pairs) - len(both)
    if arguments.rows:
        for number, (config, layer) in enumerate(pairs):
            cost, other = mine[number], theirs[number]
            shape = f"{config.pe_rows}x{config.pe_cols} {config.mappings[0].dataflow} l2 {config.l2_kib}"
            found = other.get("error") or f"{other['cycles']:.0f} cycles {other['energy_pj']:.4g} pJ"
            print(
                f"{shape:20} {layer.name:26} {cost.cycles / layer.repeat:.0f} cycles "
                f"{cost.energy_pj / layer.repeat:.4g} pJ ({cost.limit}) | {found}"
            )
    print(f"{len(both)} of {len(pairs)} pairs ({failed} that ZigZag has no mapping for)")
    edp = spearman(
        [mine[n].edp / pairs[n][1].repeat ** 2 for n in both],
        [theirs[n]["energy_pj"] * theirs[n]["cycles"] for n in both],
    )
    for title, left, right in (
        ("cycles", [mine[n].cycles / pairs[n][1].repeat for n in both], [theirs[n]["cycles"] for n in both]),
        ("energy", [mine[n].energy_pj / pairs[n][1].repeat for n in both], [theirs[n]["energy_pj"] for n in both]),
    ):
        print(f"rank correlation of {title}: {spearman(left, right):.3f}")
    print(f"rank correlation of energy x cycles: {edp:.3f}")
    for layer_name in LAYERS:
        of_layer = [n for n in both if pairs[n][1].name == layer_name]
        if len(of_layer) > 2:
            value = spearman(
                [mine[n].edp for n in of_layer], [theirs[n]["energy_pj"] * theirs[n]["cycles"] for n in of_layer]
            )
            print(f"  {layer_name}: {value:.3f} over {len(of_layer)} configurations")
    summed = []
    for at in range(CONFIGURATIONS):
        group = range(at * len(LAYERS), (at + 1) * len(LAYERS))
        if all(n in both for n in group):
            here = sum(mine[n].energy_pj / pairs[n][1].repeat for n in group)
            here *= sum(mine[n].cycles / pairs[n][1].repeat for n in group)
            there = sum(theirs[n]["energy_pj"] for n in group) * sum(theirs[n]["cycles"] for n in group)
            summed.append((here, there))
    whole = spearman([one for one, _ in summed], [other for _, other in summed])
    print(f"rank correlation of energy x cycles of whole workloads: {whole:.3f} over {len(summed)} configurations")
    if failed > len(pairs) // 10:
        print("too many pairs without an answer of ZigZag")
        return 1
    return 0 if min(edp, whole) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
