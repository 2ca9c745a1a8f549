"""A plan, a card and a real store for the command line's parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightforge.catalogue import find_task
from nightforge.domain.evidence import Baseline, Calibration, Metric
from nightforge.domain.plan import Budget, Plan, StopSpec
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction, SandboxTier
from nightforge.store import SqlStore, open_store
from workflows.contract import Estimate, PlanCard


class SteppingClock:
    """Time goes on by a second with each look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def monotonic(self) -> float:
        self.at += timedelta(seconds=1)
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def store(tmp_path: Path, clock: SteppingClock) -> AsyncIterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def plan() -> Plan:
    return Plan(
        goal="fast softmax over one long row",
        task="softmax-long",
        parameters={"threads": 1},
        objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX, title="CPU time against c-fast"),),
        budget=Budget(evaluations=40, wall_s=600, cost_usd=2.0),
        stop=(StopSpec(rule="near-bound", parameters={"fraction": 0.97}),),
        notes=("One thread was assumed.",),
    )


@pytest.fixture
def card(plan: Plan) -> PlanCard:
    fast = Baseline(name="c-fast", title="C fast-math", metrics={"speedup": Metric(value=1.0, unit="x")})
    torch = Baseline(name="torch", title="torch.softmax", available=False, missing_reason="torch is not installed")
    return PlanCard(
        plan=plan,
        task=find_task("softmax-long"),
        calibration=Calibration(
            baselines=(fast, torch),
            reference="c-fast",
            noise=Metric(value=0.021),
            band=0.042,
            room=3.2,
            room_reason="least memory traffic",
        ),
        tier=SandboxTier.BUBBLEWRAP,
        disclosure="No model is used; nothing leaves this machine.",
        estimate=Estimate(wall_s=(300, 600), evaluations=(40, 90)),
        warnings=("Baseline torch is missing: torch is not installed",),
    )
