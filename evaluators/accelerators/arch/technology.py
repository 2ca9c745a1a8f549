"""What an operation costs at 45 nm: published energies, and areas of our own synthesised multiply-accumulate unit.

Energies: M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9 (45 nm,
0.9 V): 8-bit multiplication 0.2 pJ, 32-bit addition 0.1 pJ, 64-bit access of a memory of 8 KiB 10 pJ, of 32 KiB 20 pJ,
of 1 MiB 100 pJ, DRAM 1.3 to 2.6 nJ. Multiplication is taken as quadratic in the width (which meets the table's 3.1 pJ
for 32 bits within 4 %), addition as linear, and memories follow the line through the table's points on double
logarithmic axes; registers are the same line at their own size.

Areas: `mac.v` and cells of the OSU 0.18 um library (`benchmarks/arch_mac_area.py` measures them anew), shrunk by the
square of the feature sizes' ratio, delays by the ratio: ideal scaling, an assumption of this model. A bit of memory: a
cell of 0.37 um2 (K. Nii et al., ISQED 2013, 45 nm bulk) at half of the macro's area, the other half being decoders,
sense amplifiers and wires: an assumption as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from evaluators.accelerators.arch.schema import ArchConfig, Precision

SHRINK = 45 / 180
PJ = 1e-12

MULTIPLY_8_PJ = 0.2
ADD_32_PJ = 0.1
MEMORY_POINTS = ((8.0, 10.0), (32.0, 20.0), (1024.0, 100.0))
"""KiB, pJ per access of 64 bits."""
DRAM_PJ_PER_BYTE = 1300.0 / 8
"""The lower end of the table."""
REGISTER_KIB = 8 / 1024
"""A processing element's own registers."""

SRAM_CELL_UM2 = 0.37
SRAM_CELL_SHARE = 0.5
FLOP_UM2 = 96.0
"""DFFPOSX1 of the 0.18 um library."""
MUX_UM2 = 48.0
"""MUX2X1 of it."""
ACCUMULATOR_BITS: dict[Precision, int] = {4: 24, 8: 32, 16: 48}


@dataclass(frozen=True)
class MacVariant:
    """A synthesis result of `mac.v` in the 0.18 um library: by the recipe for area, or by the one for delay."""

    area_um2: float
    delay_ns: float


MACS: dict[Precision, tuple[MacVariant, MacVariant]] = {
    4: (MacVariant(8417.0, 4.470), MacVariant(9197.0, 2.985)),
    8: (MacVariant(20783.0, 6.363), MacVariant(22521.0, 4.000)),
    16: (MacVariant(66160.0, 9.041), MacVariant(69250.0, 5.759)),
}
"""The smaller and slower one first."""


def memory_pj_per_byte(kib: float) -> float:
    """Energy of reading or writing one byte of a memory of `kib` KiB."""
    low, high = (MEMORY_POINTS[0], MEMORY_POINTS[1]) if kib <= MEMORY_POINTS[1][0] else MEMORY_POINTS[1:]
    slope = math.log(high[1] / low[1]) / math.log(high[0] / low[0])
    return float(low[1] * (kib / low[0]) ** slope) / 8


def register_pj_per_byte() -> float:
    return memory_pj_per_byte(REGISTER_KIB)


def mac_for(precision: Precision, clock_mhz: float) -> MacVariant | None:
    """The smallest unit that is fast enough at 45 nm; None where none is."""
    for variant in MACS[precision]:
        if variant.delay_ns * SHRINK * clock_mhz <= 1000.0:
            return variant
    return None


def fastest_mhz(precision: Precision) -> float:
    return 1000.0 / (MACS[precision][1].delay_ns * SHRINK)


def mac_pj(precision: Precision, variant: MacVariant) -> float:
    """One multiplication and addition; a larger unit switches more, in proportion to its area."""
    least = MULTIPLY_8_PJ * (precision / 8) ** 2 + ADD_32_PJ * ACCUMULATOR_BITS[precision] / 32
    return least * variant.area_um2 / MACS[precision][0].area_um2


def element_um2(config: ArchConfig, variant: MacVariant) -> float:
    """One processing element at 45 nm. Each dataflow beside the first needs a held operand and a choice of sums."""
    spare = len(config.dataflows) - 1
    bits = ACCUMULATOR_BITS[config.precision]
    return (variant.area_um2 + spare * (config.precision * FLOP_UM2 + bits * MUX_UM2)) * SHRINK**2


def area_mm2(config: ArchConfig, variant: MacVariant) -> float:
    """Array, the registers that skew its operands at two edges, and both buffers."""
    rows, cols = config.pe_rows, config.pe_cols
    skew_bits = config.precision * (rows * (rows - 1) + cols * (cols - 1)) / 2
    memory_bits = (config.l1_kib + config.l2_kib) * 8192
    array_um2 = config.pes * element_um2(config, variant) + skew_bits * FLOP_UM2 * SHRINK**2
    return (array_um2 + memory_bits * SRAM_CELL_UM2 / SRAM_CELL_SHARE) / 1e6
