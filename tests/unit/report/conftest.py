"""Campaigns in a real store, with evidence as an evaluator of kernels makes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
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
from nightforge.report import ReportData, gather
from nightforge.store import SqlStore, open_store

SEED = "float s = 0;\nfor (int i = 0; i < n; i++) s += x[i];\n"


class HandClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=10)
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=HandClock())
    yield opened
    await opened.close()


@pytest.fixture
def calibration() -> Calibration:
    def baseline(name: str, title: str, speedup: float) -> Baseline:
        return Baseline(
            name=name,
            title=title,
            metrics={
                "speedup": Metric(value=speedup, unit="x", low=speedup, high=speedup, samples=11),
                "cpu_ms": Metric(value=9.44 / speedup, unit="ms"),
            },
            environment={"compiler": "gcc 12.2"},
        )

    torch = Baseline(name="torch", title="torch.softmax", available=False, missing_reason="torch is not installed")
    return Calibration(
        baselines=(baseline("c-fast", "C fast-math", 1.0), baseline("numpy", "numpy", 0.55), torch),
        reference="c-fast",
        noise=Metric(value=0.02),
        band=0.04,
        room=3.2,
        room_reason="c-fast takes 3.2 x the time of the least memory traffic",
        machine={"model": "Example CPU"},
        seconds_per_evaluation=3.0,
    )


@pytest.fixture
def plan() -> Plan:
    return Plan(
        goal="fast softmax over one long row",
        task="softmax-long",
        parameters={"threads": 1},
        objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
        budget=Budget(evaluations=10),
    )


EvidenceMaker = Callable[..., Evidence]


@pytest.fixture
def make_evidence() -> EvidenceMaker:
    def make(
        speedup: float | None,
        *,
        half: float = 0.03,
        distinguishable: bool = True,
        phase: Phase = Phase.SEARCH,
        tier: SandboxTier = SandboxTier.BUBBLEWRAP,
        reason: str = "wrong_output",
    ) -> Evidence:
        compiled = StageEvidence(stage="compile", outcome=Outcome.PASS, duration_s=0.2, tools={"gcc": "12.2"})
        if speedup is None:
            failed = StageEvidence(stage="correctness", outcome=Outcome.FAIL, reason=reason, feedback="row 3 differs")
            return Evidence(tier=tier, phase=phase, stages=(compiled, failed))
        low, high = speedup - half, speedup + half
        metrics = {
            "speedup": Metric(value=speedup, unit="x", low=low, high=high, samples=22),
            "speedup.numpy": Metric(value=speedup / 0.55, unit="x", low=low / 0.55, high=high / 0.55, samples=22),
            "cpu_ms": Metric(value=9.44 / speedup, unit="ms"),
            "distinguishable": Metric(value=float(distinguishable)),
        }
        timed = StageEvidence(stage="full", outcome=Outcome.PASS, metrics=metrics, seed=4711, duration_s=3.1)
        return Evidence(tier=tier, phase=phase, stages=(compiled, timed))

    return make


Scene = Callable[..., Awaitable[ReportData]]


@pytest.fixture
def scene(store: SqlStore, calibration: Calibration, plan: Plan, make_evidence: EvidenceMaker) -> Scene:
    """A campaign with a seed at 1.00 and one candidate a row of `found`: (measured, confirmed or None, state)."""

    async def build(
        *found: tuple[float | None, float | None, CandidateState],
        state: CampaignState = CampaignState.FINISHED,
        reason: str = "budget:evaluations",
        tier: SandboxTier = SandboxTier.BUBBLEWRAP,
        half: float = 0.03,
        distinguishable: bool = True,
        measured_as: Calibration | None = None,
        planned: Plan | None = None,
        note: str = "tiles of 512",
        alive: bool = True,
    ) -> ReportData:
        campaign = await store.create_campaign(planned or plan, tier=tier)
        campaign_id = campaign.campaign_id
        await store.save_document(campaign_id, "calibration", measured_as or calibration)
        await store.set_campaign_state(campaign_id, CampaignState.RUNNING)
        rows = [(1.0, None, CandidateState.MEASURED), *found]
        for ordinal, (measured, confirmed, fate) in enumerate(rows):
            await store.open_candidate(campaign_id, ordinal, parents=[0] if ordinal else [])
            operator = OperatorKind.REWRITE if ordinal else None
            source = SEED if ordinal == 0 else SEED + f"// {ordinal}\n"
            name = f"rewrite.{ordinal}" if ordinal else ""
            await store.save_code(
                campaign_id, ordinal, source, attempt=0, operator=operator, operator_name=name, note=note
            )
            evidence = make_evidence(measured, tier=tier)
            low = None if measured is None else measured - 0.03
            await store.save_evidence(campaign_id, ordinal, evidence, attempt=0, score=measured, score_low=low)
            first = CandidateState.MEASURED if measured is not None else CandidateState.REJECTED
            why = "" if measured is not None else "wrong_output"
            await store.finish_candidate(campaign_id, ordinal, first, reason=why)
            if confirmed is not None:
                again = make_evidence(
                    confirmed, half=half, distinguishable=distinguishable, phase=Phase.CONFIRMATION, tier=tier
                )
                await store.save_confirmation(campaign_id, ordinal, again, state=fate)
        if alive:
            await store.claim_lease(f"campaign:{campaign_id}", "its process", ttl_s=3600)
        if state is not CampaignState.RUNNING:
            await store.set_campaign_state(campaign_id, state, reason=reason)
        return gather(store, campaign_id)

    return build
