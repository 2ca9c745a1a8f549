"""What the stories of `benchmarks.seeded` share: a clock that passes as told, a campaign, its confirmations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from nightforge.domain.candidate import Candidate
from nightforge.domain.duel import Duel, DuelFinding, Duels
from nightforge.domain.evidence import Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.minimisation import Hunk, Minimisation, Trial, document_name
from nightforge.domain.plan import Plan
from nightforge.domain.rehearsal import RehearsalCheck, RehearsalReport
from nightforge.domain.words import (
    CampaignState,
    CandidateState,
    Direction,
    OperatorKind,
    Phase,
    SandboxTier,
)
from nightforge.store import SqlStore
from tools.hunks import changes_between, without


@dataclass
class PassingClock:
    """Time of the story: it passes as told, so that a night of 8 hours is written in seconds."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Night:
    """What the story knows of one campaign while it is written."""

    store: SqlStore
    clock: PassingClock
    campaign_id: str
    plan: Plan
    chance: Random
    length: int = 1
    """Candidates in all."""
    values: dict[int, float] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)
    best: float = 0.0

    def parents(self, ordinal: int) -> tuple[int, ...]:
        """Often a good one, sometimes any."""
        known = sorted(self.values, key=lambda one: -self.values[one])[:40] or [0]
        first = known[min(int(self.chance.expovariate(0.25)), len(known) - 1)]
        others = [one for one in known[:8] if one != first]
        return (first, *self.chance.sample(others, min(2, len(others)))) if ordinal else ()


async def open_night(store: SqlStore, clock: PassingClock, plan: Plan, calibration: Calibration, owner: str) -> Night:
    campaign_id = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP, owner=owner)).campaign_id
    await store.save_document(campaign_id, "calibration", calibration)
    await store.save_document(campaign_id, "rehearsal", REHEARSAL)
    await store.set_campaign_state(campaign_id, CampaignState.RUNNING)
    return Night(store, clock, campaign_id, plan, Random(plan.goal))


REHEARSAL = RehearsalReport(
    checks=(
        RehearsalCheck(path="seed", title="the seed", expect="pass", outcome="passed", held=True),
        RehearsalCheck(
            path="known/zero.c", title="writes zeros", expect="reject", outcome="correctness: wrong_output", held=True
        ),
        RehearsalCheck(
            path="known/clock.c", title="stops the clock", expect="reject", outcome="gate: forbidden_import", held=True
        ),
    )
)


def interval(value: float, unit: str, spread: float = 0.012) -> Metric:
    return Metric(value=value, unit=unit, low=value * (1 - spread), high=value * (1 + spread), samples=15)


async def confirm(night: Night, metric: str, unit: str) -> None:
    """The best three hold, the fourth does not."""
    store, campaign_id = night.store, night.campaign_id
    finalists = [one for one in store.ranked(campaign_id, limit=6) if one.ordinal][:4]
    for place, one in enumerate(finalists):
        assert one.score is not None
        value = abs(one.score) * (0.99 if night.plan.objectives[0].direction is Direction.MAX else 1.01)
        seen = one.evidence
        assert seen is not None
        again = seen.model_copy(update={"phase": Phase.CONFIRMATION, "stages": _again(seen, metric, unit, value)})
        turned = value if night.plan.objectives[0].direction is Direction.MAX else -value
        if place == 3:
            await store.save_confirmation(
                campaign_id, one.ordinal, again, state=CandidateState.SUSPICIOUS, reason="breaks_relation"
            )
            continue
        low = turned - abs(turned) * 0.012
        await store.save_confirmation(
            campaign_id, one.ordinal, again, state=CandidateState.CONFIRMED, score=turned, score_low=low
        )
    top = finalists[0].ordinal
    await store.mark_candidate(campaign_id, top, starred=True, owner="ann")
    if metric == "speedup":
        finding = DuelFinding(verdict="champion", gain=interval(0.97, "x"))
        duels = Duels(champion=top, duels=(Duel(champion=top, challenger=finalists[1].ordinal, finding=finding),))
        await store.save_document(campaign_id, "duels", duels)


async def minimise(night: Night) -> None:
    """The best without each third hunk, as `nightforge minimise` leaves it: a candidate more, and the shares."""
    store, campaign_id = night.store, night.campaign_id
    top = next(one for one in store.ranked(campaign_id, limit=2) if one.ordinal)
    seed, source = night.sources[0], night.sources[top.ordinal]
    changes = changes_between(seed, source)
    dropped = tuple(one.number for one in changes if one.number % 3 == 0)
    minimal = await _plant(night, top, without(seed, source, dropped)) if dropped else top.ordinal
    whole = sum(1 / one.number for one in changes if one.number not in dropped)
    hunks = tuple(
        Hunk(
            number=one.number,
            diff=one.diff,
            fate="dropped" if one.number in dropped else "kept",
            share=None if one.number in (2, *dropped) else interval(0.9 / one.number / whole, "", 0.12),
            note="without it the program fails: wrong_output" if one.number == 2 else "",
        )
        for one in changes
    )
    trial = Trial(code_sha="0" * 64, left_out=dropped, verdict="as-good", gain=interval(1.003, "x"))
    found = Minimisation(
        ordinal=top.ordinal,
        minimal=minimal,
        hunks=hunks,
        trials=(trial,) if dropped else (),
        scale="ratio",
        total=interval(abs(top.score or 1.0), "x"),
        evaluations=3 * len(hunks),
        ended="done",
    )
    await store.save_document(campaign_id, document_name(top.ordinal), found)


async def _plant(night: Night, top: Candidate, source: str) -> int:
    """What is left of the best, a little slower, and confirmed."""
    store, campaign_id = night.store, night.campaign_id
    assert top.evidence is not None
    assert top.confirmation is not None
    assert top.score is not None
    ordinal = store.next_ordinal(campaign_id)
    await store.open_candidate(campaign_id, ordinal, parents=[top.ordinal])
    note = f"{top.ref} without what it does not need"
    kind, named = OperatorKind.REWRITE, "minimise"
    await store.save_code(campaign_id, ordinal, source, attempt=0, operator=kind, operator_name=named, note=note)
    low = top.score * 0.98
    await store.save_evidence(campaign_id, ordinal, top.evidence, attempt=0, score=top.score, score_low=low)
    await store.finish_candidate(campaign_id, ordinal, CandidateState.MEASURED)
    await store.save_confirmation(
        campaign_id, ordinal, top.confirmation, state=CandidateState.CONFIRMED, score=top.score, score_low=low
    )
    return ordinal


def _again(seen: Evidence, metric: str, unit: str, value: float) -> tuple[StageEvidence, ...]:
    last = seen.stages[-1]
    measured = {**last.metrics, metric: interval(value, unit, 0.008)}
    return (*seen.stages[:-1], last.model_copy(update={"stage": "confirm", "metrics": measured, "duration_s": 14.2}))
