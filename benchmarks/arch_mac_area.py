"""Area and delay of the multiply-accumulate units that `arch_config` counts: yosys and ABC on the OSU 0.18 um cells.

    .venv/bin/python benchmarks/arch_mac_area.py

Two recipes for each width (for area, for delay), on `evaluators/accelerators/arch/mac.v`; prints them beside the
constants of `technology.py` and exits with 1 when one differs by more than 2 % (another version of the tools may).
Delays are those between registers.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from evaluators.accelerators.arch import technology
from evaluators.accelerators.arch.schema import PRECISIONS, Precision
from evaluators.accelerators.arch.technology import ACCUMULATOR_BITS, MACS, MacVariant

LIBERTY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
SOURCE = Path(technology.__file__).with_name("mac.v")
RECIPES = {
    "area": "strash;ifraig;scorr;dc2;dc2;strash;&get -n;&dch -f;&nf -R 1000;&put;topo;stime -p",
    "delay": "strash;ifraig;scorr;dc2;strash;dch -f;map -B 0.9;topo;buffer -c;upsize;dnsize;stime -p",
}
TOLERANCE = 0.02


def synthesised(precision: Precision, recipe: str, liberty: Path) -> MacVariant:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "recipe.abc")
        script.write_text(RECIPES[recipe].replace(";", "\n") + "\n", encoding="utf-8")
        commands = (
            f"read_verilog {SOURCE}; chparam -set W {precision} -set ACC {ACCUMULATOR_BITS[precision]} mac; "
            f"synth -flatten -top mac; dfflibmap -liberty {liberty}; abc -liberty {liberty} -script {script}; "
            f"opt_clean; stat -liberty {liberty}"
        )
        done = subprocess.run(["yosys", "-p", commands], capture_output=True, text=True, check=True, timeout=300)
    areas = re.findall(r"Chip area for module .*: ([\d.]+)", done.stdout)
    delays = re.findall(r"Delay =\s*([\d.]+) ps", done.stdout)
    return MacVariant(float(areas[-1]), round(float(delays[-1]) / 1000, 3))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--liberty", type=Path, default=LIBERTY)
    liberty = parser.parse_args().liberty
    worst = 0.0
    for precision in PRECISIONS:
        for recipe, known in zip(RECIPES, MACS[precision], strict=True):
            found = synthesised(precision, recipe, liberty)
            worst = max(worst, abs(found.area_um2 / known.area_um2 - 1), abs(found.delay_ns / known.delay_ns - 1))
            print(
                f"{precision} bits, for {recipe}: {found.area_um2:.0f} um2, {found.delay_ns:.3f} ns "
                f"(constants: {known.area_um2:.0f} um2, {known.delay_ns:.3f} ns)"
            )
    print(f"largest deviation {worst:.2%}")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
