"""The watcher's limit: five starts again in any hour, by an injected clock; every process here is real."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nightforge.domain.candidate import Event
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction, SandboxTier
from nightforge.store import open_store
from tools.clock import SystemClock
from workflows.watch import HOUR_S, Watcher

DIES = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    numbers = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def watcher(tmp_path: Path) -> Callable[..., Watcher]:
    url = f"sqlite:///{tmp_path / 'nightforge.db'}"
    plan = Plan(
        goal="climb",
        task="toy-peak",
        objectives=(Objective(metric="height", unit="m", direction=Direction.MAX),),
        budget=Budget(evaluations=10),
    )

    async def create() -> str:
        store = open_store(url, clock=SystemClock())
        campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
        await store.close()
        return campaign.campaign_id

    campaign_id = asyncio.run(create())

    def make(program: str, monotonic: Callable[[], float]) -> Watcher:
        command = [sys.executable, "-c", program]
        return Watcher(campaign_id, url, command, tmp_path / "log", monotonic=monotonic, fault_pause_s=0.0)

    return make


def events(watcher: Watcher) -> list[Event]:
    store = open_store(watcher.database_url, clock=SystemClock())
    try:
        return [one for one in store.events(watcher.campaign_id) if one.kind.startswith("watch.")]
    finally:
        asyncio.run(store.close())


def test_the_sixth_death_within_an_hour_is_the_last(watcher: Callable[..., Watcher]) -> None:
    clock = iter([0.0, 600.0, 1200.0, 1800.0, 2400.0, HOUR_S - 1.0])
    watched = watcher(DIES, lambda: next(clock))
    assert watched.run() == 1
    told = events(watched)
    assert [one.kind for one in told] == ["watch.restarted"] * 5 + ["watch.gave_up"]
    assert told[-1].payload["cause"] == "SIGKILL"
    assert next(clock, None) is None, "six deaths and no more"


def test_starts_of_more_than_an_hour_ago_do_not_count(watcher: Callable[..., Watcher]) -> None:
    slow = [number * (HOUR_S / 5 + 1.0) for number in range(12)]
    fast = [slow[-1] + number for number in range(1, 6)]
    clock = iter([*slow, *fast])
    watched = watcher(DIES, lambda: next(clock))
    assert watched.run() == 1
    kinds = [one.kind for one in events(watched)]
    assert kinds[:12] == ["watch.restarted"] * 12, "one death in twelve minutes is borne all night"
    assert kinds[-1] == "watch.gave_up"
    assert 13 <= len(kinds) <= 14, "the hour's earlier starts count against the quick ones"


def test_a_fault_of_the_platform_is_tried_again_and_a_final_exit_is_not(watcher: Callable[..., Watcher]) -> None:
    faulty = watcher("raise SystemExit(1)", iter(map(float, range(6))).__next__)
    assert faulty.run() == 1
    assert [one.kind for one in events(faulty)].count("watch.restarted") == 5
    before = len(events(faulty))
    final = watcher("raise SystemExit(2)", iter([0.0]).__next__)
    assert final.run() == 2
    assert len(events(final)) == before


def test_a_person_goes_on_with_a_command_of_their_own_the_first_time_only(
    watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    """Where it dies, it comes back as a watched one: what was said meanwhile still holds."""
    told = tmp_path / "told"
    says = f"open({str(told)!r}, 'a').write({{!r}});"
    dies = f"import os, signal; {says.format('first ')} os.kill(os.getpid(), signal.SIGKILL)"
    watched = watcher(says.format("watched"), lambda: 0.0)
    watched.first_command = [sys.executable, "-c", dies]
    assert watched.run() == 0
    assert told.read_text() == "first watched"
