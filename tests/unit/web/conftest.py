"""The application over a real store, asked as a browser asks it; only processes are recorded instead of started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from web_client import ADDRESS, SECRET, AppMaker, Browser, CampaignMaker, Starts, evidence_of

from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Baseline, Calibration, Metric
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import CampaignState, CandidateState, Direction, OperatorKind, SandboxTier
from nightforge.settings import Settings
from nightforge.store import SqlStore, open_store
from nightforge.web.app import create_app
from nightforge.web.security import Admission
from tools.clock import SystemClock


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=SystemClock())
    yield opened
    await opened.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'nightforge.db'}", owner="mara")


@pytest.fixture
def starts() -> Starts:
    return Starts()


@pytest.fixture
def make_app(settings: Settings, store: SqlStore, starts: Starts) -> AppMaker:
    def make(admission: Admission | None = None) -> FastAPI:
        clock = SystemClock()
        return create_app(settings, store=store, clock=clock, starter=starts, secret=SECRET, admission=admission)

    return make


@pytest.fixture
async def browser(make_app: AppMaker) -> AsyncIterator[Browser]:
    transport = httpx.ASGITransport(make_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        yield Browser(client)


@pytest.fixture
def calibration() -> Calibration:
    def baseline(name: str, title: str, speedup: float) -> Baseline:
        metric = Metric(value=speedup, unit="x", low=speedup, high=speedup, samples=11)
        return Baseline(name=name, title=title, metrics={"speedup": metric})

    return Calibration(
        baselines=(baseline("c-fast", "C fast-math", 1.0), baseline("numpy", "numpy", 0.55)),
        reference="c-fast",
        noise=Metric(value=0.02),
        band=0.04,
        room=3.2,
        seconds_per_evaluation=3.0,
    )


@pytest.fixture
def make_campaign(store: SqlStore, calibration: Calibration) -> CampaignMaker:
    """A campaign on softmax-long whose candidates have the given speedups; None for one that fails."""

    async def make(
        *speedups: float | None,
        goal: str = "fast softmax over one long row",
        state: CampaignState = CampaignState.FINISHED,
        source: str = "int main(void) { return 0; }",
        note: str = "",
    ) -> Campaign:
        plan = Plan(
            goal=goal,
            task="softmax-long",
            parameters={"n": 16777216, "dtype": "float32", "processor": "cpu", "threads": 1},
            objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
            budget=Budget(evaluations=100, wall_s=3600.0),
        )
        campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP, owner="mara")
        named = campaign.campaign_id
        await store.save_document(named, "calibration", calibration)
        for ordinal, speedup in enumerate(speedups):
            await store.open_candidate(named, ordinal, parents=[0] if ordinal else [])
            operator = OperatorKind.REWRITE if ordinal else None
            await store.save_code(named, ordinal, f"{source}\n// {ordinal}\n", attempt=0, operator=operator, note=note)
            evidence = evidence_of(speedup, feedback=note)
            low = None if speedup is None else speedup - 0.03
            await store.save_evidence(named, ordinal, evidence, attempt=0, score=speedup, score_low=low)
            done = CandidateState.REJECTED if speedup is None else CandidateState.MEASURED
            await store.finish_candidate(named, ordinal, done, reason="wrong_output" if speedup is None else "")
        if state is not CampaignState.PLANNED:
            await store.set_campaign_state(named, state, reason="budget:evaluations")
        return store.campaign(named)

    return make
