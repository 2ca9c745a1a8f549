"""Mends of configurations that a stage refused: what the refusal says is enough to put it right.

With it a search may move one number although another has to follow: a larger buffer takes its area from the array.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from evaluators.accelerators.arch.model import tile_bytes
from evaluators.accelerators.arch.operators import LANGUAGE, changed, with_mapping
from evaluators.accelerators.arch.schema import ArchConfig, ConfigError, read_config, write_config
from evaluators.accelerators.arch.technology import area_mm2, mac_for
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class ArchMend:
    """Implements `agents.offline.coder.Mends`; it proposes nothing of its own."""

    name = "repair.arch"
    kind = OperatorKind.REPAIR
    languages = frozenset({LANGUAGE})
    prior = 0.0
    structural = False
    on_request = True

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        return ()

    def mend(self, source: str, failure: StageEvidence) -> Sequence[Draft]:
        """The nearest configuration without what was refused; none where the refusal says too little."""
        how = _MENDS.get(failure.reason)
        try:
            config = read_config(source)
        except ConfigError:
            return ()
        mended = how(config, failure.feedback) if how else None
        if mended is None or mended == config:
            return ()
        note = f"mended: {failure.reason.replace('_', ' ')}"
        return (Draft(source=write_config(mended), operator=self.kind, operator_name=self.name, note=note),)


def _without_unused(config: ArchConfig, said: str) -> ArchConfig | None:
    unused = {int(number) for number in re.findall(r"\d+", said.partition(":")[0])}
    return changed(config, {"mappings": tuple(one for at, one in enumerate(config.mappings) if at not in unused)})


def _narrower(config: ArchConfig, said: str) -> ArchConfig | None:
    """Columns, then rows of the array go until the area is what is allowed: the last number that was said."""
    allowed, variant = _last_number(said), mac_for(config.precision, config.clock_mhz)
    if allowed is None or variant is None:
        return None
    small: ArchConfig | None = config
    while small is not None and area_mm2(small, variant) > allowed:
        lanes = max(("pe_cols", "pe_rows"), key=lambda name: int(getattr(small, name)))
        small = changed(small, {lanes: getattr(small, lanes) - 1})  # None once there is no array left
    return small


def _smaller_tiles(config: ArchConfig, said: str) -> ArchConfig | None:
    """The mapping that is nearest to fitting, its largest tile halved until it does."""
    needs = [tile_bytes(None, config, mapping) for mapping in config.mappings]
    at = needs.index(min(needs))
    while tile_bytes(None, config, config.mappings[at]) > config.l2_kib * 1024:
        mapping = config.mappings[at]
        tile = max(("tile_m", "tile_n", "tile_k"), key=lambda name: int(getattr(mapping, name)))
        smaller = with_mapping(config, at, {tile: getattr(mapping, tile) // 2})
        if smaller is None:
            return None
        config = smaller
    return config


def _slower_dram(config: ArchConfig, said: str) -> ArchConfig | None:
    offered = _last_number(said)
    return None if offered is None else changed(config, {"dram_gbps": offered})


def _more_bits(config: ArchConfig, said: str) -> ArchConfig | None:
    needed = _last_number(said)
    return None if needed is None else changed(config, {"precision": int(needed)})


def _last_number(said: str) -> float | None:
    found = _NUMBER.findall(said)
    return float(found[-1]) if found else None


_MENDS: dict[str, Callable[[ArchConfig, str], ArchConfig | None]] = {
    "unused_mapping": _without_unused,
    "area_over_budget": _narrower,
    "tiles_do_not_fit": _smaller_tiles,
    "bandwidth_over_budget": _slower_dram,
    "precision_too_low": _more_bits,
}
