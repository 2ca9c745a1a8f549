"""The rule of `benchmarks.seeded`: schedules with Gantt charts."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from benchmarks.seeded_nights import Night, PassingClock, open_night
from benchmarks.seeded_programs import rule_program
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.explanation import Chart, Explanation, Importance, InstanceRow, Span
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import (
    CampaignState,
    CandidateState,
    Direction,
    OperatorKind,
    Outcome,
    Phase,
    SandboxTier,
)
from nightforge.store import SqlStore

# ---- the rule: schedules


async def schedule(store: SqlStore, clock: PassingClock, candidates: int) -> str:
    plan = Plan(
        goal="A dispatching rule for job shops that beats the best of the known rules",
        task="job-shop",
        objectives=(Objective(metric="gap_closed", unit="", direction=Direction.MAX),),
        budget=Budget(evaluations=candidates, wall_s=3600),
    )
    baselines = (Baseline(name="best-rule", title="best human rule", metrics={"gap_closed": Metric(value=0.0)}),)
    calibration = Calibration(baselines=baselines, reference="best-rule", noise=Metric(value=0.0), band=0.01, room=1.0)
    night = await open_night(store, clock, plan, calibration, "bob")
    for ordinal in range(candidates):
        chance = night.chance
        parents = night.parents(ordinal)
        await store.open_candidate(night.campaign_id, ordinal, parents=parents)
        kind = OperatorKind.REWRITE if ordinal else None
        name = ("rule-point", "rule-part", "rule-numbers")[ordinal % 3] if ordinal else "seed"
        await store.save_code(
            night.campaign_id, ordinal, rule_program(chance), attempt=0, operator=kind, operator_name=name
        )
        clock.at += timedelta(seconds=12)
        parent = night.values.get(parents[0], 0.0) if parents else 0.0
        value = 0.0 if not ordinal else max(-0.6, min(0.62, parent + chance.gauss(-0.03, 0.06)))
        night.values[ordinal] = value
        stages = (
            StageEvidence(stage="parse", outcome=Outcome.PASS, duration_s=0.01),
            StageEvidence(stage="train", outcome=Outcome.PASS, duration_s=1.1, seed=7),
            StageEvidence(
                stage="measure",
                outcome=Outcome.PASS,
                duration_s=3.0,
                seed=8,
                metrics={"gap_closed": Metric(value=value)},
            ),
        )
        evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=stages)
        await store.save_evidence(night.campaign_id, ordinal, evidence, attempt=0, score=value)
        await store.finish_candidate(night.campaign_id, ordinal, CandidateState.MEASURED)
    await store.add_active_time(night.campaign_id, candidates * 12.0)
    await _explain(night)
    await store.set_campaign_state(night.campaign_id, CampaignState.FINISHED, reason="budget:evaluations")
    return night.campaign_id


async def _explain(night: Night) -> None:
    top = next(one for one in night.store.ranked(night.campaign_id, limit=3) if one.ordinal)
    assert top.evidence is not None
    assert top.score is not None
    chance = Random("charts")
    charts = tuple(
        Chart(title=title, length=length, spans=_spans(chance, length))
        for title, length in (("best human rule", 1180), (f"candidate {top.ordinal}", 1034))
    )
    rows = tuple(
        InstanceRow(
            instance=f"la{at:02}",
            group="10 x 5" if at < 26 else "15 x 10",
            cost=1000 + at,
            baseline=1000 + 3 * at,
            reference=960.0,
            gain=0.02 * at - 0.4,
        )
        for at in range(21, 41)
    )
    explained = Explanation(
        rows=rows,
        lane="machine",
        charts=charts,
        formulas=("priority: 2 * work_left - slack / (1 + queue)",),
        importance=(Importance(feature="work_left", loss=0.21), Importance(feature="slack", loss=0.08)),
    )
    words = StageEvidence(stage="explain", outcome=Outcome.PASS, duration_s=2.0, feedback=explained.model_dump_json())
    again = top.evidence.model_copy(update={"phase": Phase.CONFIRMATION, "stages": (*top.evidence.stages, words)})
    await night.store.save_confirmation(
        night.campaign_id, top.ordinal, again, state=CandidateState.CONFIRMED, score=top.score
    )


def _spans(chance: Random, length: int) -> tuple[Span, ...]:
    spans = []
    for lane in range(5):
        at = chance.randrange(40)
        for job in chance.sample(range(10), 10):
            lasts = chance.randrange(length // 24, length // 10)
            if at + lasts > length:
                break
            spans.append(Span(lane=lane, label=str(job), start=at, end=at + lasts))
            at += lasts + chance.randrange(length // 30)
    return tuple(spans)
