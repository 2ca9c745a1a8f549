"""Active time over sessions and pauses, and what is left behind when a campaign is let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction, SandboxTier
from nightforge.errors import StoreFault, UserError
from nightforge.store import SqlStore, open_store
from tools.clock import SystemClock
from workflows import ownership
from workflows.ownership import Tenure, owning


class HandClock:
    """Time stands still but for `forward`; `sleep` gives way for a moment, as the heartbeat needs."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_s, UTC)

    def monotonic(self) -> float:
        return self.at_s

    def forward(self, seconds: float) -> None:
        self.at_s += seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.01)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def campaign_id(store: SqlStore) -> str:
    objective = Objective(metric="speedup", unit="x", direction=Direction.MAX)
    plan = Plan(goal="g", task="t", objectives=(objective,), budget=Budget(wall_s=60))
    return (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id


async def test_active_time_adds_up_over_sessions_and_leaves_pauses_out(
    store: SqlStore, campaign_id: str, clock: HandClock
) -> None:
    async with owning(store, campaign_id, clock) as first:
        clock.forward(10)
        first.rest(is_resting=True)
        clock.forward(1000)
        assert first.active_s == 10
        first.rest(is_resting=False)
        clock.forward(5)
        assert first.active_s == 15
    assert store.tally(campaign_id).active_s == 15
    clock.forward(500)
    async with owning(store, campaign_id, clock) as second:
        assert second.active_s == 15
        clock.forward(7)
        assert second.active_s == 22
    assert store.tally(campaign_id).active_s == 22


async def test_time_is_booked_once_however_often(store: SqlStore, campaign_id: str, clock: HandClock) -> None:
    tenure = Tenure(store, campaign_id, clock)
    clock.forward(3)
    await tenure.book()
    await tenure.book()
    clock.forward(2)
    _ = tenure.active_s
    await tenure.book()
    assert store.tally(campaign_id).active_s == 5


async def test_the_heartbeat_keeps_the_lease_and_books_time(
    store: SqlStore, campaign_id: str, clock: HandClock
) -> None:
    async with owning(store, campaign_id, clock) as tenure:
        for _ in range(5):
            clock.forward(ownership.LEASE_S / 2)
            await asyncio.sleep(0.05)
        assert await store.claim_lease(f"campaign:{campaign_id}", "another", ttl_s=1) is None
        assert store.tally(campaign_id).active_s == pytest.approx(5 * ownership.LEASE_S / 2)
        assert tenure.trouble is None
    assert await store.claim_lease(f"campaign:{campaign_id}", "another", ttl_s=1) is not None


async def test_a_second_run_in_the_same_process_waits_its_turn_too(
    store: SqlStore, campaign_id: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "sleep", lambda seconds: passing(clock))
    async with owning(store, campaign_id, clock) as tenure:
        with pytest.raises(UserError, match="run by another process"):
            async with owning(store, campaign_id, clock):
                pass
        assert tenure.trouble is None


async def passing(clock: HandClock) -> None:
    clock.forward(0.2)
    await asyncio.sleep(0.01)


async def test_a_lost_lease_is_trouble_and_the_fence_holds_until_the_end(
    store: SqlStore, campaign_id: str, clock: HandClock
) -> None:
    async with owning(store, campaign_id, clock) as tenure:
        clock.forward(ownership.LEASE_S + 1)
        assert await store.claim_lease(f"campaign:{campaign_id}", "another", ttl_s=60) is not None
        async with asyncio.timeout(20):
            while tenure.trouble is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        with pytest.raises(StoreFault, match="no longer holds"):
            await store.append_event(campaign_id, "from.the.past")
    await store.append_event(campaign_id, "from.a.person")


class TickingClock(HandClock):
    """The wall clock may be set back; the monotonic one never is."""

    def __init__(self) -> None:
        super().__init__()
        self.back_s = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_s - self.back_s, UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.01)
        self.forward(seconds)


async def test_a_dead_owner_keeps_nobody_out_when_the_clock_was_set_back(tmp_path: Path) -> None:
    clock = TickingClock()
    store = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=clock)
    objective = Objective(metric="speedup", unit="x", direction=Direction.MAX)
    plan = Plan(goal="g", task="t", objectives=(objective,), budget=Budget(wall_s=60))
    campaign_id = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    resource = f"campaign:{campaign_id}"
    dead = await store.claim_lease(resource, "killed", ttl_s=ownership.LEASE_S)
    assert dead is not None
    clock.back_s = 3600.0
    before_s = clock.monotonic()
    async with owning(store, campaign_id, clock):
        assert clock.monotonic() - before_s < ownership.LEASE_S + 3 * ownership.HEARTBEAT_S
        assert await store.renew_lease(dead, ttl_s=1.0) is None, "it is fenced out"
    await store.close()


class SetBackClock(SystemClock):
    back_s = 0.0

    def now(self) -> datetime:
        return super().now() - timedelta(seconds=self.back_s)


async def test_a_living_owner_keeps_its_campaign_when_the_clock_was_set_back(tmp_path: Path) -> None:
    clock = SetBackClock()
    store = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=clock)
    objective = Objective(metric="speedup", unit="x", direction=Direction.MAX)
    plan = Plan(goal="g", task="t", objectives=(objective,), budget=Budget(wall_s=60))
    campaign_id = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    async with owning(store, campaign_id, clock) as tenure:
        clock.back_s = 3600.0
        with pytest.raises(UserError, match="another process"):
            async with owning(store, campaign_id, clock):
                pass
        assert tenure.trouble is None
    await store.close()
