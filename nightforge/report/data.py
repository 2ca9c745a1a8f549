"""All that a report is made from, read once through the Store port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import unified_diff as difflib_unified_diff

from pydantic import BaseModel, ConfigDict

from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric
from nightforge.domain.plan import Plan
from nightforge.domain.ports import Store
from nightforge.domain.task import Objective
from nightforge.domain.team import Analysis
from nightforge.domain.words import CandidateState, Direction
from nightforge.errors import NotFound

RANKED_SHOWN = 10
SUSPICIOUS_SOUGHT = 200


class RehearsalCheckView(BaseModel):
    """The fields of a rehearsal's check that a report shows; `workflows.rehearsal` owns the document."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    title: str = ""
    expect: str
    outcome: str
    held: bool


class RehearsalView(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    checks: tuple[RehearsalCheckView, ...] = ()


@dataclass(frozen=True)
class ReportData:
    campaign: Campaign
    ranked: tuple[Candidate, ...]
    """Confirmed before measured, best first; the seed is among them."""
    suspicious: tuple[Candidate, ...] = ()
    calibration: Calibration | None = None
    rehearsal: RehearsalView | None = None
    analysis: Analysis | None = None
    operators: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    top_diff: str = ""
    """Unified diff from the seed to `top`."""

    @property
    def plan(self) -> Plan:
        return self.campaign.plan

    @property
    def objective(self) -> Objective:
        return self.campaign.plan.objectives[0]

    @property
    def attempts(self) -> tuple[Candidate, ...]:
        """The ranked ones without the seed."""
        return tuple(candidate for candidate in self.ranked if candidate.ordinal != 0)

    @property
    def top(self) -> Candidate | None:
        """The best that is not the seed: the best confirmed one where there is one."""
        return next(iter(self.attempts), None)

    @property
    def winner(self) -> Candidate | None:
        """The best confirmed candidate that beats the reference beyond the band."""
        return next((candidate for candidate in self.attempts if self.beats_reference(candidate)), None)

    @property
    def reference(self) -> Baseline | None:
        if self.calibration is None:
            return None
        name = self.calibration.reference
        return next((baseline for baseline in self.calibration.baselines if baseline.name == name), None)

    @property
    def reference_value(self) -> float | None:
        metric = self.reference.metrics.get(self.objective.metric) if self.reference else None
        return None if metric is None else metric.value

    @property
    def smallest_gain(self) -> float | None:
        """The objective's value from which on a gain can be told apart on this machine."""
        if self.calibration is None or self.reference_value is None:
            return None
        sign = 1 if self.objective.direction is Direction.MAX else -1
        return self.reference_value + sign * self.calibration.band * abs(self.reference_value)

    @property
    def room_is_small(self) -> bool:
        """What the roof leaves is not more than what can be told apart. The room is a ratio, or a difference."""
        if self.calibration is None or self.calibration.room is None or self.reference_value is None:
            return False
        return self.calibration.room <= self.reference_value * (1.0 + self.calibration.band)

    def beats_reference(self, candidate: Candidate) -> bool:
        evidence, bound = candidate.confirmation, self.smallest_gain
        if candidate.state is not CandidateState.CONFIRMED or evidence is None or bound is None:
            return False
        metric = evidence.metrics.get(self.objective.metric)
        if metric is None or not evidence.passed or not evidence.distinguishable:
            return False
        if self.objective.direction is Direction.MAX:
            return (metric.low if metric.low is not None else metric.value) > bound
        return (metric.high if metric.high is not None else metric.value) < bound


def shown_evidence(candidate: Candidate) -> Evidence | None:
    """The confirmation where there is one, else what the search measured."""
    return candidate.confirmation or candidate.evidence


def shown_metric(candidate: Candidate, name: str) -> Metric | None:
    evidence = shown_evidence(candidate)
    return evidence.metrics.get(name) if evidence is not None else None


def gather(store: Store, campaign_id: str) -> ReportData:
    """Reads only; NotFound for an unknown campaign."""
    campaign = store.campaign(campaign_id)
    campaign_id = campaign.campaign_id
    ranked = tuple(store.ranked(campaign_id, limit=RANKED_SHOWN + 1))
    suspicious: tuple[Candidate, ...] = ()
    if campaign.tally.by_state.get(CandidateState.SUSPICIOUS):
        recent = store.recent(campaign_id, limit=SUSPICIOUS_SOUGHT)
        suspicious = tuple(one for one in recent if one.state is CandidateState.SUSPICIOUS)[:RANKED_SHOWN]
    data = ReportData(
        campaign=campaign,
        ranked=ranked,
        suspicious=suspicious,
        calibration=store.document(campaign_id, "calibration", Calibration),
        rehearsal=store.document(campaign_id, "rehearsal", RehearsalView),
        analysis=store.document(campaign_id, "analysis", Analysis),
        operators=store.operator_counts(campaign_id),
    )
    top = data.winner or data.top
    if top is None or top.code_sha is None:
        return data
    return replace(data, top_diff=diff_to_seed(store, top))


def diff_to_seed(store: Store, candidate: Candidate) -> str:
    try:
        seed = store.candidate(candidate.campaign_id, 0)
    except NotFound:
        return ""
    if seed.code_sha is None or candidate.code_sha is None:
        return ""
    return unified_diff(store.source(seed.code_sha), store.source(candidate.code_sha), seed.ref, candidate.ref)


def unified_diff(before: str, after: str, before_name: str, after_name: str) -> str:
    """Empty when the texts are the same; a missing newline at the end is not a difference of its own."""
    lines = difflib_unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="")
    return "\n".join(lines)
