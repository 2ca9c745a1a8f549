"""Are the model's stall-free cycles those of SCALE-Sim? Three dataflows x two arrays x a GEMM and a 3 x 3 convolution.

    .venv/bin/python -m venv .venv-scalesim && .venv-scalesim/bin/pip install scalesim==3.0.0 'numpy<2.3'
    .venv/bin/python benchmarks/arch_scalesim.py --scalesim .venv-scalesim/bin/python

SCALE-Sim simulates cycle by cycle, 1 to 20 s for each of the twelve; the tests keep its figures. Exits with 1 when one
differs.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from evaluators.accelerators.arch.model import stall_free_cycles
from evaluators.accelerators.arch.schema import DATAFLOWS, LARGEST_TILE, Dataflow, Mapping
from evaluators.accelerators.arch.workloads import Layer, conv, find_layer

GEMM = "Layer, M, N, K,\ngemm, 128, 128, 128,\n"
CONV = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
    "conv, 16, 16, 3, 3, 64, 64, 1,\n"
)
CONFIG = """
[general]
run_name = check
[architecture_presets]
ArrayHeight = {lanes}
ArrayWidth = {lanes}
IfmapSramSzkB = 4096
FilterSramSzkB = 4096
OfmapSramSzkB = 4096
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = {dataflow}
Bandwidth = 10
ReadRequestBuffer = 128
WriteRequestBuffer = 128
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""


def simulated(python: str, kind: str, lanes: int, dataflow: Dataflow) -> int:
    """SCALE-Sim's total of cycles, with bandwidth enough that nothing stalls."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "check.cfg").write_text(CONFIG.format(lanes=lanes, dataflow=dataflow), encoding="utf-8")
        (folder / "layers.csv").write_text(GEMM if kind == "gemm" else CONV, encoding="utf-8")
        command = [python, "-m", "scalesim.scale", "-c", "check.cfg", "-t", "layers.csv", "-l", "layers.csv"]
        command += ["-p", "out", "-i", kind, "-s", "N"]
        environment = {**os.environ, "PYTHONNOUSERSITE": "1"}
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        report = next((folder / "out").rglob("COMPUTE_REPORT.csv"))
        with report.open(encoding="utf-8") as rows:
            row = next(csv.DictReader(rows, skipinitialspace=True))
        return round(float(row["Total Cycles"]) - float(row["Stall Cycles"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scalesim", required=True, help="a Python that has scalesim 3.0.0 and numpy < 2.3")
    python = str(Path(parser.parse_args().scalesim).absolute())
    product = find_layer("gemm/128")
    assert product is not None
    layers: dict[str, Layer] = {"gemm": product, "conv": conv("conv", (14, 14), 64, 64, (3, 3))}
    equal = 0
    for kind, layer in layers.items():
        for lanes in (16, 32):
            for dataflow in DATAFLOWS:
                whole = Mapping(
                    dataflow=dataflow, tile_m=LARGEST_TILE, tile_n=LARGEST_TILE, tile_k=LARGEST_TILE, order="mnk"
                )
                ours, theirs = stall_free_cycles(layer, lanes, lanes, whole), simulated(python, kind, lanes, dataflow)
                equal += ours == theirs
                print(f"{kind} {lanes} x {lanes} {dataflow}: {ours} here, {theirs} by SCALE-Sim", flush=True)
    print(f"{equal} of 12 equal")
    return 0 if equal == 12 else 1


if __name__ == "__main__":
    sys.exit(main())
