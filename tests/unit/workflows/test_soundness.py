"""A timing without its lease is discarded; what a suspend touched is made again and the gap is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from nightforge.domain.evidence import Evidence, Gaps, StageEvidence
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction, Outcome, Phase, SandboxTier
from nightforge.errors import EvaluatorFault
from nightforge.store import SqlStore, open_store
from tools import slots
from tools.clock import SystemClock
from workflows import soundness
from workflows.soundness import sound
from workflows.workshop import Workshop


class Timed:
    name = "timed"

    def resources(self, task: object, parameters: object) -> tuple[str, ...]:
        return ("cpu",)


def evidence(outcome: Outcome = Outcome.PASS) -> Evidence:
    stage = StageEvidence(stage="full", outcome=outcome, reason="" if outcome is Outcome.PASS else "wrong_output")
    return Evidence(tier=SandboxTier.BUBBLEWRAP, phase=Phase.SEARCH, stages=(stage,))


async def shop_on(store: SqlStore) -> Workshop:
    plan = Plan(
        goal="g", task="t", objectives=(Objective(metric="m", unit="", direction=Direction.MAX),), budget=Budget()
    )
    campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
    shop = SimpleNamespace(
        evaluator=Timed(), task=None, plan=plan, store=store, campaign_id=campaign.campaign_id, clock=SystemClock()
    )
    return cast(Workshop, shop)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'nightforge.db'}"


async def test_an_unleased_timing_is_discarded(url: str, tmp_path: Path) -> None:
    store = open_store(url, clock=SystemClock())
    shop = await shop_on(store)

    async def leased() -> Evidence:
        def measure() -> Evidence:
            with slots.hold("cpu", folder=tmp_path / "slots"):
                return evidence()

        return await asyncio.to_thread(measure)

    async def unleased() -> Evidence:
        return evidence()

    async def failed() -> Evidence:
        return evidence(Outcome.FAIL)

    assert (await sound(shop, leased)).passed
    assert not (await sound(shop, failed)).passed, "what was never timed needs no lease"
    with pytest.raises(EvaluatorFault, match="lease on cpu"):
        await sound(shop, unleased)
    await store.close()


async def test_what_a_suspend_touched_is_made_again(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(url, clock=SystemClock())
    shop = await shop_on(store)
    away, runs = iter([100.0, 160.0, 160.0, 160.0]), 0
    monkeypatch.setattr(soundness, "away_s", lambda: next(away))

    async def fails_while_it_sleeps() -> Evidence:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise EvaluatorFault("nobody answered for a minute")
        return evidence(Outcome.FAIL)

    await sound(shop, fails_while_it_sleeps)
    assert runs == 2
    (gap,) = (store.document(shop.campaign_id, "gaps", Gaps) or Gaps()).gaps
    assert gap.what == "sleep"
    voided = [event.payload for event in store.events(shop.campaign_id) if event.kind == "evaluation.void"]
    assert voided == [{"reason": "the machine slept", "seconds": 60.0}]
    await store.close()
