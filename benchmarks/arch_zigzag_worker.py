"""Runs ZigZag over jobs that `benchmarks/arch_correlation.py` made; for a Python that has `zigzag-dse` and `six`.

    python benchmarks/arch_zigzag_worker.py JOBS.json RESULTS.json

It imports nothing of Nightforge: ZigZag lives in an environment of its own.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from zigzag.api import get_hardware_performance_zigzag

LPF_LIMIT = 4
"""Loops that are permuted exhaustively: the setting that keeps a product of matrices below a third of a second."""


def port(name: str, kind: str, bits: int, *allocation: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "bandwidth_min": 8, "bandwidth_max": bits, "allocation": list(allocation)}


def register(operand: str, bits: int, pj: float) -> dict[str, Any]:
    ports = [port("r_port_1", "read", bits, f"{operand}, tl"), port("w_port_1", "write", bits, f"{operand}, fh")]
    if operand == "O":
        ports = [
            port("r_port_1", "read", bits, "O, tl"),
            port("r_port_2", "read", bits, "O, th"),
            port("w_port_1", "write", bits, "O, fh"),
            port("w_port_2", "write", bits, "O, fl"),
        ]
    return {**memory(bits, bits, pj, [operand], []), "ports": ports}


def memory(size_bits: int, word_bits: int, word_pj: float, operands: list[str], served: list[str]) -> dict[str, Any]:
    reads = [f"{one}, tl" for one in operands] + (["O, th"] if "O" in operands else [])
    writes = [f"{one}, fh" for one in operands] + (["O, fl"] if "O" in operands else [])
    return {
        "size": size_bits,
        "r_cost": word_pj,
        "w_cost": word_pj,
        "area": 0.0,
        "latency": 1,
        "operands": operands,
        "served_dimensions": served,
        "ports": [port("r_port_1", "read", word_bits, *reads), port("w_port_1", "write", word_bits, *writes)],
    }


def hardware(job: dict[str, Any]) -> dict[str, Any]:
    """The same array, buffers and energies; ZigZag finds the loops."""
    operand, total, per_byte = job["operand_bits"], job["sum_bits"], job["pj_per_byte"]
    held = {"os": (), "ws": ("I2",), "is": ("I1",)}[job["dataflow"]]
    near = {"os": ["I1", "I2"], "ws": ["I1", "O"], "is": ["I2", "O"]}[job["dataflow"]]
    all_lanes = ["D1", "D2"]
    levels = {f"held_{one}": register(one, operand, per_byte["register"] * operand / 8) for one in held}
    levels["sums"] = register("O", total, per_byte["register"] * total / 8)
    wide = 8 * total * (job["rows"] + job["cols"])
    levels["l1"] = memory(job["l1_bytes"] * 8, wide, per_byte["l1"] * wide / 8, near, all_lanes)
    side = job["l2_port_bits"]
    levels["l2"] = memory(job["l2_bytes"] * 8, side, per_byte["l2"] * side / 8, ["I1", "I2", "O"], all_lanes)
    bits = job["dram_bits_per_cycle"]
    dram = memory(10**11, bits, per_byte["dram"] * bits / 8, ["I1", "I2", "O"], all_lanes)
    together = [f"{one}, {way}" for one in ("I1", "I2") for way in ("fh", "tl")]
    together += [f"O, {way}" for way in ("fh", "tl", "fl", "th")]
    levels["dram"] = {**dram, "ports": [port("rw_port_1", "read_write", bits, *together)]}
    return {
        "name": "candidate",
        "memories": levels,
        "operational_array": {
            "unit_energy": job["mac_pj"],
            "unit_area": 1.0,
            "dimensions": all_lanes,
            "sizes": [job["rows"], job["cols"]],
            "systolic_dimensions": all_lanes,
        },
    }


def mapping(job: dict[str, Any]) -> list[dict[str, Any]]:
    """ZigZag's Gemm: O[d][k] += I[d][c] * W[c][k]; a lane more than the layer has is left idle."""
    sizes = {"D": job["m"], "K": job["n"], "C": job["k"]}
    one, other = {"os": ("D", "K"), "ws": ("C", "K"), "is": ("C", "D")}[job["dataflow"]]
    return [
        {
            "name": "default",
            "spatial_mapping": {
                "D1": [f"{one}, {min(job['rows'], sizes[one])}"],
                "D2": [f"{other}, {min(job['cols'], sizes[other])}"],
            },
            "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"},
        }
    ]


def workload(job: dict[str, Any]) -> list[dict[str, Any]]:
    bits = job["operand_bits"]
    return [
        {
            "id": 0,
            "name": "layer",
            "operator_type": "Gemm",
            "equation": "O[d][k]+=I[d][c]*W[c][k]",
            "dimension_relations": [],
            "loop_dims": ["C", "D", "K"],
            "loop_sizes": [job["k"], job["m"], job["n"]],
            "operand_precision": {"I": bits, "W": bits, "O": job["sum_bits"], "O_final": bits},
            "operand_source": {"I": 0, "W": 0},
        }
    ]


def run(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    paths = {}
    for name, content in (("hardware", hardware(job)), ("mapping", mapping(job)), ("workload", workload(job))):
        paths[name] = folder / f"{name}.yaml"
        paths[name].write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    started = time.perf_counter()
    try:
        energy_pj, cycles, _ = get_hardware_performance_zigzag(
            str(paths["workload"]),
            str(paths["hardware"]),
            str(paths["mapping"]),
            opt="EDP",
            dump_folder=str(folder / "out"),
            pickle_filename=str(folder / "out.pickle"),
            lpf_limit=LPF_LIMIT,
            loma_show_progress_bar=False,
        )
    except Exception as error:  # whatever ZigZag raises: it has no mapping for this pair, and the caller counts these
        return {"id": job["id"], "error": f"{type(error).__name__}: {error}"[:300]}
    return {
        "id": job["id"],
        "energy_pj": float(energy_pj),
        "cycles": float(cycles),
        "seconds": time.perf_counter() - started,
    }


def main(jobs_file: str, results_file: str) -> None:
    logging.disable(logging.CRITICAL)
    jobs = json.loads(Path(jobs_file).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        results = [run(job, Path(folder)) for job in jobs]
    Path(results_file).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
