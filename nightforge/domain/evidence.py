"""What an evaluator saw: stages, metrics, and nothing that the candidate said of itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import Field, model_validator

from nightforge.domain.base import Frozen
from nightforge.domain.words import Alarm, EvidenceClass, Outcome, Phase, SandboxTier


class Metric(Frozen):
    """One number with its unit and, where it was repeated, its 95 % interval."""

    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    samples: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _interval_holds_value(self) -> Metric:
        if self.low is not None and self.low > self.value:
            raise ValueError(f"low {self.low} is above value {self.value}")
        if self.high is not None and self.high < self.value:
            raise ValueError(f"high {self.high} is below value {self.value}")
        return self


class StageEvidence(Frozen):
    """One stage of the cascade.

    `reason` is a short slug for counting (`compile_error`, `wrong_output`, `slower`);
    `feedback` is the text for the coder and the judge, and is untrusted: it may quote the candidate.
    """

    stage: str
    outcome: Outcome
    reason: str = ""
    metrics: dict[str, Metric] = Field(default_factory=dict)
    feedback: str = ""
    duration_s: float = 0.0
    seed: int | None = None
    tools: dict[str, str] = Field(default_factory=dict)


class Evidence(Frozen):
    """The stages that ran, cheapest first; the first that does not pass is the last."""

    evidence_class: EvidenceClass = EvidenceClass.ISOLATED
    tier: SandboxTier
    phase: Phase = Phase.SEARCH
    stages: tuple[StageEvidence, ...]
    taken_from: str = ""
    """`CAMPAIGN.ORDINAL` whose evaluation this is, where an earlier one of the same program was taken instead of
    running it again; empty for one that ran."""

    @model_validator(mode="after")
    def _first_failure_ends(self) -> Evidence:
        if not self.stages:
            raise ValueError("evidence needs at least one stage")
        for stage in self.stages[:-1]:
            if stage.outcome is not Outcome.PASS:
                raise ValueError(f"stage {stage.stage!r} did not pass, yet later stages follow")
        return self

    @property
    def passed(self) -> bool:
        return self.stages[-1].outcome is Outcome.PASS

    @property
    def failure(self) -> StageEvidence | None:
        return None if self.passed else self.stages[-1]

    @property
    def alarm(self) -> Alarm | None:
        """Set when the last stage says that the result is too good to be true."""
        failure = self.failure
        return Alarm(failure.reason) if failure is not None and failure.reason in set(Alarm) else None

    @property
    def metrics(self) -> Mapping[str, Metric]:
        merged: dict[str, Metric] = {}
        for stage in self.stages:
            merged.update(stage.metrics)
        return merged

    @property
    def distinguishable(self) -> bool:
        """False when the evaluator measured a gain inside this machine's noise band.

        Evaluators that know their noise set the metric `distinguishable` to 0 or 1.
        """
        metric = self.metrics.get("distinguishable")
        return metric is None or metric.value > 0


class Baseline(Frozen):
    """A baseline as measured now: what a user could pick instead, with its environment."""

    name: str
    title: str
    available: bool = True
    missing_reason: str = ""
    metrics: dict[str, Metric] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)


class Calibration(Frozen):
    """What the machine and the opponents give today, measured before anything is spent.

    `room` is the largest gain (ratio, or difference for non-ratio objectives) that the roof or the
    proven bound leaves; `band` the smallest gain that today's noise can tell apart, in the same unit.
    """

    evidence_class: EvidenceClass = EvidenceClass.ISOLATED
    """Of all evidence of the campaign: what an evaluation gives of another class is not ranked beside it."""
    baselines: tuple[Baseline, ...]
    reference: str
    """Name of the baseline that gains are counted against: the strongest available one."""
    noise: Metric
    """A/A spread of the objective, relative."""
    band: Annotated[float, Field(ge=0)]
    room: Annotated[float, Field(gt=0)] | None = None
    room_reason: str = ""
    roof: dict[str, Metric] = Field(default_factory=dict)
    machine: dict[str, str] = Field(default_factory=dict)
    seconds_per_evaluation: float = 0.0


class Gap(Frozen):
    """A stretch of the night in which something was missing."""

    what: str
    """`models`: no endpoint answered. `sleep`: the machine was suspended."""
    since: datetime
    until: datetime | None = None
    detail: str = ""
    candidates: int = 0
    """`models`: evaluated candidates that the offline team made meanwhile."""

    @property
    def seconds(self) -> float:
        return 0.0 if self.until is None else (self.until - self.since).total_seconds()


class Gaps(Frozen):
    gaps: tuple[Gap, ...] = ()
