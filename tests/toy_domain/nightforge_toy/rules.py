"""A stop rule and a preset as another package brings them: found by name, the core untouched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration
from nightforge.domain.plan import Plan
from workflows.presets import Node, Preset
from workflows.stopping import Progress

JURY = Preset(name="toy-jury", nodes=frozenset({Node.JUDGE}), in_flight=2)
"""A coder and a judge; what fails is not mended."""


@dataclass(frozen=True)
class Climbers:
    """Stops once `candidates` have stood on the hill."""

    candidates: int

    def reason_to_stop(self, progress: Progress) -> str | None:
        return "toy-climbers" if progress.tally.candidates >= self.candidates else None


def make_climbers(parameters: Mapping[str, Scalar], plan: Plan, calibration: Calibration | None) -> Climbers:
    return Climbers(int(parameters["candidates"]))
