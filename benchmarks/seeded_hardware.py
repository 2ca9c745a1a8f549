"""The multiplier of `benchmarks.seeded`: area against delay."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.seeded_nights import Night, PassingClock, confirm, open_night
from benchmarks.seeded_programs import multiplier_program
from nightforge.domain.archive import CAMPAIGN, ArchiveChange, Resident
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, Plan, SearchSpec
from nightforge.domain.task import Constraint, Objective
from nightforge.domain.words import (
    CampaignState,
    CandidateState,
    Direction,
    OperatorKind,
    Outcome,
    SandboxTier,
)
from nightforge.store import SqlStore
from workflows.search.grid import cell_of

# ---- the multiplier: area against delay


async def _begin(store: SqlStore, clock: PassingClock, candidates: int) -> Night:
    plan = Plan(
        goal="An 8 by 8 multiplier: small and fast, against Dadda's and Booth's",
        task="mul8",
        objectives=(
            Objective(metric="area_um2", unit="um2", direction=Direction.MIN),
            Objective(metric="delay_ns", unit="ns", direction=Direction.MIN),
        ),
        constraints=(Constraint(metric="delay_ns", relation="<=", bound=2.6, unit="ns"),),
        budget=Budget(evaluations=candidates, wall_s=6 * 3600),
        search=SearchSpec(evaluation_slots=2),
    )
    hand = (
        ("dadda", "Dadda tree", 452.0, 1.18),
        ("booth", "Booth, radix 4", 431.0, 1.62),
        ("array", "array", 398.0, 2.31),
    )
    baselines = tuple(
        Baseline(
            name=name,
            title=title,
            metrics={"area_um2": Metric(value=area, unit="um2"), "delay_ns": Metric(value=delay, unit="ns")},
        )
        for name, title, area, delay in hand
    )
    noise = Metric(value=0.0)
    calibration = Calibration(baselines=baselines, reference="array", noise=noise, band=0.0, seconds_per_evaluation=3.1)
    return await open_night(store, clock, plan, calibration, "")


async def multiplier(store: SqlStore, clock: PassingClock, candidates: int) -> str:
    night = await _begin(store, clock, candidates)
    front: list[tuple[float, float, int]] = []
    for ordinal in range(candidates):
        chance = night.chance
        await store.open_candidate(night.campaign_id, ordinal, parents=night.parents(ordinal))
        kind = OperatorKind.REWRITE if ordinal else None
        source = multiplier_program(chance)
        name = ("rtl-tree", "rtl-prefix", "rtl-wiring")[ordinal % 3] if ordinal else "seed"
        await store.save_code(
            night.campaign_id,
            ordinal,
            source,
            attempt=0,
            operator=kind,
            operator_name=name,
            state=CandidateState.EVALUATING,
        )
        clock.at += timedelta(seconds=24)
        if ordinal and chance.random() < 0.1:
            await _fail_proof(night, ordinal)
            continue
        delay = chance.uniform(0.95, 2.5)
        ideal = 330 + 95 / delay
        area = ideal + chance.expovariate(1 / (60 * (1.1 - ordinal / candidates) + 6))
        measured = {"area_um2": Metric(value=area, unit="um2"), "delay_ns": Metric(value=delay, unit="ns")}
        stages = (
            StageEvidence(stage="elaborate", outcome=Outcome.PASS, duration_s=0.4, tools={"yosys": "0.66"}),
            StageEvidence(stage="simulate", outcome=Outcome.PASS, duration_s=0.6, seed=chance.getrandbits(60)),
            StageEvidence(stage="prove", outcome=Outcome.PASS, duration_s=1.2, tools={"proof": "equivalent (SAT)"}),
            StageEvidence(stage="map", outcome=Outcome.PASS, duration_s=0.9, metrics=measured),
        )
        evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=stages)
        await store.save_evidence(night.campaign_id, ordinal, evidence, attempt=0, score=-area)
        await store.finish_candidate(night.campaign_id, ordinal, CandidateState.MEASURED)
        night.values[ordinal] = -area
        front.append((delay, area, ordinal))
    edge = _edge(front)
    arrivals = [Resident(CAMPAIGN, ordinal, "", -area, (-area, -delay)) for delay, area, ordinal in edge]
    arrivals += [Resident(0, one, cell_of({"a": area, "d": delay}, ("a", "d")), -area) for delay, area, one in front]
    await store.save_trial(night.campaign_id, ArchiveChange(None, arrivals=arrivals))
    await store.add_active_time(night.campaign_id, candidates * 24.0)
    await confirm(night, "area_um2", "um2")
    await store.set_campaign_state(night.campaign_id, CampaignState.FINISHED, reason="budget:evaluations")
    return night.campaign_id


def _edge(points: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    edge: list[tuple[float, float, int]] = []
    for point in sorted(points):
        if not edge or point[1] < edge[-1][1]:
            edge.append(point)
    return edge


async def _fail_proof(night: Night, ordinal: int) -> None:
    stages = (
        StageEvidence(stage="elaborate", outcome=Outcome.PASS, duration_s=0.4),
        StageEvidence(
            stage="simulate",
            outcome=Outcome.FAIL,
            reason="wrong_output",
            feedback="a = 8'hff, b = 8'h80: 16'h7f00 instead of 16'h7f80",
            duration_s=0.6,
        ),
    )
    evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=stages)
    await night.store.save_evidence(night.campaign_id, ordinal, evidence, attempt=0)
    await night.store.finish_candidate(night.campaign_id, ordinal, CandidateState.REJECTED, reason="wrong_output")
