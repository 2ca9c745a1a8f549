"""All that a report is made from, read once through the Store port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nightforge.domain.candidate import Campaign, Candidate, Hint
from nightforge.domain.duel import Duels
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Gap, Gaps, Metric
from nightforge.domain.integrity import HiddenOpenings
from nightforge.domain.listing import Dot, ListQuery, NewBest, Order, Shown
from nightforge.domain.minimisation import Minimisation, document_name
from nightforge.domain.model import ModelProfile, ModelProfiles
from nightforge.domain.plan import Plan
from nightforge.domain.ports import Store
from nightforge.domain.profile import KernelProfile, profile_name
from nightforge.domain.rehearsal import RehearsalReport
from nightforge.domain.scoring import beats_reference, room_is_small, smallest_gain
from nightforge.domain.task import Objective
from nightforge.domain.team import Analysis
from nightforge.domain.words import CandidateState, Direction
from nightforge.errors import NotFound
from nightforge.report.finalists import FINALISTS, ideas_among, trades_of
from nightforge.report.grouping import Idea
from nightforge.report.states import standing
from tools.patching import unified_diff

RANKED_SHOWN = 10
SPREAD_SHOWN = 150
SPREAD_METRICS = frozenset({"area_um2", "delay_ns"})
DOTS_DRAWN = 600
STEPS_TOLD = 500


@dataclass(frozen=True)
class ReportData:
    campaign: Campaign
    ranked: tuple[Candidate, ...]
    """Confirmed before measured, best first, of measured ones with equal scores the first; the seed is among them."""
    has_equals: bool = False
    """Others have the score of one of the ranked."""
    spread: tuple[Candidate, ...] = ()
    """Beyond the ranked ones, where area and delay are measured: what the search kept for being unlike the best."""
    suspicious: tuple[Candidate, ...] = ()
    calibration: Calibration | None = None
    rehearsal: RehearsalReport | None = None
    hidden: HiddenOpenings | None = None
    duels: Duels | None = None
    """How the confirmed fared against each other."""
    analysis: Analysis | None = None
    models: tuple[ModelProfile, ...] = ()
    """What the rehearsal found out about each."""
    undelivered: tuple[str, ...] = ()
    """Of each model that was let into the search without a candidate that could be built: what was said of it."""
    gaps: tuple[Gap, ...] = ()
    """Stretches of the night in which something was missing."""
    hints: tuple[Hint, ...] = ()
    operators: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    top_diff: str = ""
    """Unified diff from the seed to `top`."""
    ideas: tuple[Idea, ...] = ()
    """The finalists, one entry an idea, best first."""
    trades: tuple[Candidate, ...] = ()
    """Beyond the finalists: what the search kept for being another trade."""
    dots: tuple[Dot, ...] = ()
    bests: tuple[NewBest, ...] = ()
    how: Mapping[int, str] = field(default_factory=dict)
    """How each new best was made, by its number."""
    profile: KernelProfile | None = None
    """Of the winner, or of `top`."""
    minimisation: Minimisation | None = None
    """Of the winner."""
    minimal_diff: str = ""
    """Unified diff from the seed to what is left of it."""

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
        if self.calibration is None:
            return None
        bound = smallest_gain(self.objective, self.calibration)
        return -bound if bound is not None and self.objective.direction is Direction.MIN else bound

    @property
    def room_is_small(self) -> bool:
        return self.calibration is not None and room_is_small(self.objective, self.calibration)

    def beats_reference(self, candidate: Candidate) -> bool:
        evidence = candidate.confirmation
        if candidate.state is not CandidateState.CONFIRMED or evidence is None:
            return False
        return beats_reference(evidence, self.plan, self.calibration)


def shown_evidence(candidate: Candidate) -> Evidence | None:
    """The best that is known: the re-measurement where there is one, else what the search measured."""
    return candidate.confirmation or candidate.evidence


def stated_metric(candidate: Candidate, name: str) -> Metric | None:
    """The number that the state's word stands for: re-measured for `confirmed`, the search's for every other."""
    evidence = candidate.confirmation if candidate.state is CandidateState.CONFIRMED else candidate.evidence
    return evidence.metrics.get(name) if evidence is not None else None


def shown_metric(candidate: Candidate, name: str) -> Metric | None:
    evidence = shown_evidence(candidate)
    return evidence.metrics.get(name) if evidence is not None else None


def gather(store: Store, campaign_id: str) -> ReportData:
    """Reads only; NotFound for an unknown campaign."""
    campaign, _ = standing(store, store.campaign(campaign_id))
    campaign_id = campaign.campaign_id
    duels = store.document(campaign_id, "duels", Duels)
    best = champion_first(store.distinct(campaign_id, limit=FINALISTS + 1), duels)
    ranked, ideas = best[: RANKED_SHOWN + 1], ideas_among(store, campaign, best)
    heard = store.document(campaign_id, "model-rehearsal", RehearsalReport) or RehearsalReport(checks=())
    held_out = store.stretch(campaign_id, ListQuery(Shown.SUSPICIOUS, Order.NEW), limit=RANKED_SHOWN)
    data = ReportData(
        campaign=campaign,
        ranked=ranked,
        has_equals={one.ordinal for one in store.ranked(campaign_id, limit=len(ranked))}
        != {one.ordinal for one in ranked},
        spread=_spread(store, campaign_id, ranked),
        suspicious=tuple(held_out.candidates),
        calibration=store.document(campaign_id, "calibration", Calibration),
        rehearsal=store.document(campaign_id, "rehearsal", RehearsalReport),
        duels=duels,
        hidden=store.hidden_openings(campaign_id, campaign.plan.task),
        analysis=store.document(campaign_id, "analysis", Analysis),
        models=(store.document(campaign_id, "model-profiles", ModelProfiles) or ModelProfiles()).profiles,
        undelivered=tuple(check.outcome for check in heard.checks if not check.held),
        operators=store.operator_counts(campaign_id),
        gaps=(store.document(campaign_id, "gaps", Gaps) or Gaps()).gaps,
        hints=tuple(store.hints(campaign_id)),
        ideas=ideas,
        trades=trades_of(store, campaign, store.archive(campaign_id), best),
        dots=tuple(store.dots(campaign_id, most=DOTS_DRAWN)),
        bests=tuple(store.bests(campaign_id)),
    )
    data = replace(data, how=_how(store, data))
    top = data.winner or data.top
    if top is None or top.code_sha is None:
        return data
    return _with_minimal(store, replace(data, top_diff=diff_to_seed(store, top), profile=profile_of(store, top)))


def profile_of(store: Store, candidate: Candidate) -> KernelProfile | None:
    """None where none was made: only the best are looked into."""
    if candidate.code_sha is None:
        return None
    return store.document(candidate.campaign_id, profile_name(candidate.code_sha), KernelProfile)


def _how(store: Store, data: ReportData) -> dict[int, str]:
    named = [one.ordinal for one in data.bests if one.ordinal][-STEPS_TOLD:]
    family = store.relatives(data.campaign.campaign_id, named)
    return {ordinal: one.operator_name or one.note for ordinal, one in family.items()}


def _with_minimal(store: Store, data: ReportData) -> ReportData:
    top = data.winner or data.top
    found = None if top is None else minimisation_of(store, top)
    if top is None or found is None:
        return data
    if found.minimal is None or found.minimal in {found.ordinal, top.ordinal}:
        return replace(data, minimisation=found)
    minimal = store.candidate(data.campaign.campaign_id, found.minimal)
    return replace(data, minimisation=found, minimal_diff=diff_to_seed(store, minimal))


def minimisation_of(store: Store, one: Candidate) -> Minimisation | None:
    """Its own, or the one whose result it is: of its parent, or of another of the best confirmed."""
    if one.state is not CandidateState.CONFIRMED:
        return None
    best = [each.ordinal for each in store.ranked(one.campaign_id, limit=RANKED_SHOWN + 1)]
    for ordinal in dict.fromkeys((one.ordinal, *one.parents[:1], *best)):
        found = store.document(one.campaign_id, document_name(ordinal), Minimisation)
        if found is not None and one.ordinal in {found.ordinal, found.minimal}:
            return found
    return None


def _spread(store: Store, campaign_id: str, ranked: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The next ranked, and the archive's residents: the best of a scalar objective all look alike."""
    first = next((shown_evidence(one) for one in ranked), None)
    if first is None or not set(first.metrics) >= SPREAD_METRICS:
        return ()
    more = store.ranked(campaign_id, limit=SPREAD_SHOWN)
    known = {one.ordinal for one in more}
    homes = {resident.ordinal for resident in store.archive(campaign_id).residents} - known
    return (*more, *store.candidates(campaign_id, sorted(homes)[:SPREAD_SHOWN]))


def ranked_for_people(store: Store, campaign_id: str, *, limit: int) -> tuple[Candidate, ...]:
    """Of equal scores the first, the winner of the duels before all: every place that names a best names the same."""
    duels = store.document(campaign_id, "duels", Duels)
    ranked = store.distinct(campaign_id, limit=max(limit, RANKED_SHOWN + 1))
    return champion_first(ranked, duels)[:limit]


def champion_first(ranked: Sequence[Candidate], duels: Duels | None) -> tuple[Candidate, ...]:
    """Who won against the best score in rounds that both ran stands before it; the others keep their order."""
    if duels is None:
        return tuple(ranked)
    return tuple(
        sorted(ranked, key=lambda one: one.ordinal != duels.champion or one.state is not CandidateState.CONFIRMED)
    )


def diff_to_seed(store: Store, candidate: Candidate) -> str:
    try:
        seed = store.candidate(candidate.campaign_id, 0)
    except NotFound:
        return ""
    if seed.code_sha is None or candidate.code_sha is None:
        return ""
    before, after = store.source(seed.code_sha), store.source(candidate.code_sha)
    return unified_diff(before, after, before_name=seed.ref, after_name=candidate.ref)
