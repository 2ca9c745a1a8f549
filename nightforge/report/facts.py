"""What a person asks of a campaign at a glance, as values: the terminal and the pages show the same ones.

Counters of the tally, the best one's row and the calibration: the same few reads for ten and for a million candidates.
"""

from __future__ import annotations

from datetime import datetime

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign, Candidate, Tally
from nightforge.domain.evidence import Calibration, Metric
from nightforge.domain.plan import Budget
from nightforge.domain.ports import Store
from nightforge.domain.words import CampaignState, CandidateState, Direction
from nightforge.report.data import ranked_for_people, stated_metric

REASONS_SHOWN = 5
AT_WORK = frozenset({CampaignState.RUNNING, CampaignState.DRAINING})


class Best(Frozen):
    """The best there is: a confirmed one before all measured ones."""

    ordinal: int
    state: CandidateState
    metric: Metric
    note: str = ""
    operator_name: str = ""
    found_at: datetime | None = None


class Cap(Frozen):
    """One cap of the budget and how much of it is used, both in `unit`."""

    name: str
    """`evaluations`, `wall_s`, `cost_usd` or `tokens`."""
    unit: str
    cap: float
    done: float

    @property
    def share(self) -> float:
        return 1.0 if self.cap <= 0 else self.done / self.cap


class Failures(Frozen):
    reason: str
    candidates: int


class CampaignFacts(Frozen):
    campaign_id: str
    goal: str
    task: str
    team: str
    state: CampaignState
    """As it stands: one whose process is gone is not called running."""
    reason: str = ""
    is_alive: bool = False
    """A process holds it."""
    objective: str
    unit: str
    direction: Direction
    best: Best | None = None
    reference: str = ""
    """The strongest baseline, by title."""
    reference_value: float | None = None
    room: float | None = None
    """The roof or the proven bound, in the objective's unit."""
    candidates: int = 0
    evaluations: int = 0
    evaluations_per_hour: float = 0.0
    """Of active time."""
    in_flight: int = 0
    slots_busy: int = 0
    slots: int = 1
    rejected: int = 0
    suspicious: int = 0
    confirmed: int = 0
    failures: tuple[Failures, ...] = ()
    """The most frequent reasons, the most frequent first."""
    other_failures: int = 0
    """Rejected for reasons that are not listed."""
    active_s: float = 0.0
    started_at: datetime
    finished_at: datetime | None = None
    cost_usd: float = 0.0
    caps: tuple[Cap, ...] = ()
    seconds_left: float | None = None
    """Until the first cap is reached at the present rate; None when no cap says, or nothing runs."""
    evaluations_since_gain: int = 0
    """Since the best one's lower bound last rose."""


def campaign_facts(store: Store, campaign: Campaign, *, is_alive: bool) -> CampaignFacts:
    """`campaign` as it stands (`nightforge.cli.reading.standing`)."""
    plan, tally = campaign.plan, campaign.tally
    objective = plan.objectives[0]
    calibration = store.document(campaign.campaign_id, "calibration", Calibration)
    reference = calibration and next((one for one in calibration.baselines if one.name == calibration.reference), None)
    held_against = reference.metrics.get(objective.metric) if reference else None
    shown = [Failures(reason=reason, candidates=count) for reason, count in _reasons(tally)]
    return CampaignFacts(
        campaign_id=campaign.campaign_id,
        goal=plan.goal,
        task=plan.task,
        team=plan.team.value,
        state=campaign.state,
        reason=campaign.reason,
        is_alive=is_alive,
        objective=objective.metric,
        unit=objective.unit,
        direction=objective.direction,
        best=_best(store, campaign),
        reference=(reference.title or reference.name) if reference else "",
        reference_value=None if held_against is None else held_against.value,
        room=calibration.room if calibration else None,
        candidates=tally.candidates,
        evaluations=tally.evaluations,
        evaluations_per_hour=tally.evaluations / tally.active_s * 3600 if tally.active_s > 0 else 0.0,
        in_flight=sum(count for state, count in tally.by_state.items() if not state.is_terminal),
        slots_busy=min(tally.by_state.get(CandidateState.EVALUATING, 0), plan.search.evaluation_slots),
        slots=plan.search.evaluation_slots,
        rejected=tally.by_state.get(CandidateState.REJECTED, 0),
        suspicious=tally.by_state.get(CandidateState.SUSPICIOUS, 0),
        confirmed=tally.by_state.get(CandidateState.CONFIRMED, 0),
        failures=tuple(shown[:REASONS_SHOWN]),
        other_failures=sum(one.candidates for one in shown[REASONS_SHOWN:]),
        active_s=tally.active_s,
        started_at=campaign.created_at,
        finished_at=campaign.finished_at,
        cost_usd=tally.cost_usd,
        caps=caps_of(plan.budget, tally),
        seconds_left=seconds_left(plan.budget, tally) if campaign.state in AT_WORK else None,
        evaluations_since_gain=max(0, tally.evaluations - tally.last_improvement_evaluation),
    )


def caps_of(budget: Budget, tally: Tally) -> tuple[Cap, ...]:
    """Those that are set, with what is used of each."""
    used = (
        ("wall_s", "s", budget.wall_s, tally.active_s),
        ("evaluations", "evaluations", budget.evaluations, float(tally.evaluations)),
        ("cost_usd", "$", budget.cost_usd, tally.cost_usd),
        ("tokens", "tokens", budget.tokens, float(tally.tokens_in + tally.tokens_out)),
    )
    return tuple(Cap(name=name, unit=unit, cap=cap, done=done) for name, unit, cap, done in used if cap is not None)


def is_spent(budget: Budget, tally: Tally) -> bool:
    return any(cap.done >= cap.cap for cap in caps_of(budget, tally))


def seconds_left(budget: Budget, tally: Tally) -> float | None:
    """Of active time, until the first cap at the present rate; None when no cap says."""
    guesses = []
    for one in caps_of(budget, tally):
        if one.name == "wall_s":
            guesses.append(max(0.0, one.cap - one.done))
        elif one.done > 0 and tally.active_s > 0:
            guesses.append(max(0.0, (one.cap - one.done) * tally.active_s / one.done))
    return min(guesses) if guesses else None


def _reasons(tally: Tally) -> list[tuple[str, int]]:
    return sorted(tally.by_reason.items(), key=lambda item: (-item[1], item[0]))


def _best(store: Store, campaign: Campaign) -> Best | None:
    """While nothing is confirmed, what the tally names; afterwards what every ranking leads with."""
    tally = campaign.tally
    if tally.by_state.get(CandidateState.CONFIRMED):
        top = next(iter(ranked_for_people(store, campaign.campaign_id, limit=1)), None)
    else:
        top = None if tally.best_ordinal is None else store.candidate(campaign.campaign_id, tally.best_ordinal)
    metric = _metric(campaign, top)
    if top is None or metric is None:
        return None
    return Best(
        ordinal=top.ordinal,
        state=top.state,
        metric=metric,
        note=top.note,
        operator_name="seed" if top.ordinal == 0 else top.operator_name,
        found_at=top.finished_at or top.created_at,
    )


def _metric(campaign: Campaign, candidate: Candidate | None) -> Metric | None:
    return None if candidate is None else stated_metric(candidate, campaign.plan.objectives[0].metric)
