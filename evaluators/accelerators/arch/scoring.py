"""A configuration on a list of layers: what it costs, what it is held against, and why it may not run at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.accelerators.arch.model import LayerCost, bound, least_bytes, least_l1_bytes, schedule, tile_bytes
from evaluators.accelerators.arch.schema import ArchConfig, Precision
from evaluators.accelerators.arch.technology import (
    DRAM_PJ_PER_BYTE,
    MACS,
    SHRINK,
    area_mm2,
    fastest_mhz,
    mac_for,
    mac_pj,
)
from evaluators.accelerators.arch.workloads import Layer
from nightforge.domain.evidence import Metric


@dataclass(frozen=True)
class Refusal:
    reason: str
    feedback: str


@dataclass(frozen=True)
class Totals:
    """Sums over layers."""

    energy_uj: float
    latency_us: float

    @property
    def edp(self) -> float:
        """uJ x us."""
        return self.energy_uj * self.latency_us


@dataclass(frozen=True)
class Run:
    """A feasible configuration on its layers."""

    config: ArchConfig
    costs: tuple[LayerCost, ...]
    area_mm2: float

    @property
    def totals(self) -> Totals:
        cycles = sum(cost.cycles for cost in self.costs)
        return Totals(sum(cost.energy_pj for cost in self.costs) / 1e6, cycles / self.config.clock_mhz)

    @property
    def bounds(self) -> Totals:
        variant = mac_for(self.config.precision, self.config.clock_mhz)
        assert variant is not None
        found = [bound(cost.layer, self.config, variant) for cost in self.costs]
        cycles = sum(one.cycles for one in found)
        return Totals(sum(one.energy_pj for one in found) / 1e6, cycles / self.config.clock_mhz)

    def metrics(self) -> dict[str, Metric]:
        totals, config = self.totals, self.config
        busy = sum(cost.layer.macs for cost in self.costs) / config.pes
        return {
            "edp_uj_us": Metric(value=totals.edp, unit="uJ*us"),
            "energy_uj": Metric(value=totals.energy_uj, unit="uJ"),
            "latency_us": Metric(value=totals.latency_us, unit="us"),
            "area_mm2": Metric(value=self.area_mm2, unit="mm2"),
            "utilisation_pct": Metric(value=100 * busy / sum(cost.cycles for cost in self.costs), unit="%"),
            "dram_kib": Metric(value=sum(cost.dram_bytes for cost in self.costs) / 1024, unit="KiB"),
            "roofline_pct": Metric(value=100 * self.bounds.edp / totals.edp, unit="%"),
            "pes": Metric(value=float(config.pes)),
            "sram_kib": Metric(value=float(config.l1_kib + config.l2_kib), unit="KiB"),
        }

    def table(self) -> str:
        """Layer by layer, for the coder: which mapping it runs with, and what it waits for."""
        rows = ["layer: mapping, cycles, share of the array's peak, DRAM KiB, waits for"]
        for cost in self.costs:
            number = self.config.mappings.index(cost.mapping)
            peak = 100 * cost.layer.macs / self.config.pes / cost.cycles
            rows.append(
                f"{cost.layer.name}: mapping {number} ({cost.mapping.dataflow}), {cost.cycles:.0f}, {peak:.0f} %, "
                f"{cost.dram_bytes / 1024:.0f}, {cost.limit}"
            )
        return "\n".join(rows)


def check_capacity(config: ArchConfig, layers: Sequence[Layer]) -> Refusal | None:
    """Whether the hardware could work at all, and every layer has a mapping whose tiles fit.

    One mapping has to fit layers of any size: what runs these layers only is no accelerator for their networks.
    """
    if mac_for(config.precision, config.clock_mhz) is None:
        most = int(fastest_mhz(config.precision))
        return Refusal("clock_too_fast", f"clock_mhz: a {config.precision}-bit unit reaches {most} MHz")
    least = least_l1_bytes(config)
    if least > config.l1_kib * 1024:
        return Refusal("buffer_too_small", f"l1_kib: {config.pe_rows} + {config.pe_cols} lanes need {least:.0f} bytes")
    for layer in (*layers, None) if layers else ():
        needs = [tile_bytes(layer, config, mapping) for mapping in config.mappings]
        if min(needs) > config.l2_kib * 1024:
            what = f"{layer.name}: the tiles" if layer else "larger layers: the whole tiles"
            text = f"{what} of no mapping fit into l2_kib = {config.l2_kib}; bytes needed: "
            return Refusal("tiles_do_not_fit", text + ", ".join(f"{need:.0f}" for need in needs))
    return None


def check_budget(config: ArchConfig, *, largest_mm2: float, dram_gbps: float, precision: Precision) -> Refusal | None:
    """Whether the configuration keeps to what the task gives: area, bandwidth, and bits of an operand."""
    if config.precision < precision:
        return Refusal("precision_too_low", f"precision: the networks need {precision} bits")
    if config.dram_gbps > dram_gbps:
        return Refusal("bandwidth_over_budget", f"dram_gbps: the board offers {dram_gbps:g}")
    variant = mac_for(config.precision, config.clock_mhz)
    assert variant is not None
    area = area_mm2(config, variant)
    if area > largest_mm2:
        return Refusal("area_over_budget", f"{area:.3f} mm2, allowed are {largest_mm2:g}")
    return None


def check_economy(run: Run) -> Refusal | None:
    """A mapping that no layer runs with is dead text: without it this is another candidate's configuration."""
    used, mappings = [cost.mapping for cost in run.costs], run.config.mappings
    unused = [at for at, one in enumerate(mappings) if one not in used or mappings.index(one) != at]
    if not unused:
        return None
    return Refusal(
        "unused_mapping", f"mapping {', '.join(map(str, unused))}: others are better for every layer, or as good"
    )


def economical(config: ArchConfig, layers: Sequence[Layer]) -> ArchConfig:
    """The same without what `check_economy` refuses; it costs the same on these layers."""
    run = run_layers(config, layers)
    if run is None:
        return config
    used = {cost.mapping for cost in run.costs}
    return config.model_copy(update={"mappings": tuple(one for one in dict.fromkeys(config.mappings) if one in used)})


def run_layers(config: ArchConfig, layers: Sequence[Layer]) -> Run | None:
    """None where a layer has no mapping that fits; the configuration must have passed `check_capacity` otherwise."""
    variant = mac_for(config.precision, config.clock_mhz)
    if variant is None:
        return None
    costs = schedule(layers, config, variant)
    complete = tuple(cost for cost in costs if cost is not None)
    return Run(config, complete, area_mm2(config, variant)) if len(complete) == len(costs) else None


def least_edp(layers: Sequence[Layer], *, largest_mm2: float, dram_gbps: float, precision: Precision) -> float:
    """No configuration within the budget can be below (uJ x us): all area is units, at the fastest clock, never idle.

    Energy is that of the smallest unit and of each byte brought once; time that of the roofline.
    """
    fast = fastest_mhz(precision)
    small = MACS[precision][0]
    pes = largest_mm2 * 1e6 / (small.area_um2 * SHRINK**2)
    ideal = ArchConfig.model_construct(pe_rows=1, pe_cols=1, precision=precision)
    moved = [least_bytes(layer, ideal) * layer.repeat for layer in layers]
    energy = sum(layer.macs for layer in layers) * mac_pj(precision, small) + sum(moved) * DRAM_PJ_PER_BYTE
    times = [
        max(layer.macs / (pes * fast), amount / (dram_gbps * 1e3)) for layer, amount in zip(layers, moved, strict=True)
    ]
    return energy / 1e6 * sum(times)
