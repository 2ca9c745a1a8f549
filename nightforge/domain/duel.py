"""Challenger against champion, measured in turns on the same data: who is to be called the best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

from pydantic import Field

from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.evidence import Calibration, Metric
from nightforge.domain.task import Task


class Window(Frozen):
    """The machine during one series of rounds."""

    control: Metric
    """Champion over champion, in processes of its own and the same rounds: 1 but for noise."""
    facts: dict[str, Metric] = Field(default_factory=dict)
    """`load` (1 min), `mhz_before`, `mhz_after`, `page_faults` per call of the challenger; what the system tells."""
    noise: str = ""
    """Why the window decides nothing; empty where it does."""


class DuelFinding(Frozen):
    verdict: Literal["challenger", "champion", "not distinguishable", "too noisy", "failed"]
    """Who is better, where that can be told. `failed`: one of the two did not get through."""
    gain: Metric | None = None
    """Champion's time over challenger's, paired by round, with its 95 % bootstrap interval: above 1 the challenger
    is better. Of the last window."""
    windows: tuple[Window, ...] = ()
    reason: str = ""


class Duel(Frozen):
    champion: int
    challenger: int
    finding: DuelFinding


class Duels(Frozen):
    """The document `duels` of a campaign: who stands after the confirmed have met, and how it came about."""

    champion: int
    duels: tuple[Duel, ...] = ()


@runtime_checkable
class OffersDuels(Protocol):
    """What an evaluator that measures with noise adds to `Evaluator`."""

    async def duel(
        self,
        champion: str,
        challenger: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        calibration: Calibration | None = None,
    ) -> DuelFinding:
        """Both sources were confirmed before. Raises EvaluatorFault for what is our side's."""
        ...
