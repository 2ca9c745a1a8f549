"""Ten campaigns at once on one machine: the day's dollars hold over all of them, and each ranks as it does alone."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer

from nightforge.store import open_store
from tools.broker import MachineBroker
from tools.clock import SystemClock

pytestmark = [pytest.mark.box, pytest.mark.slow, pytest.mark.timeout(900)]
COMMAND = [sys.executable, "-m", "nightforge"]
GOAL = "climb the hill to its peak"
SCORES = {(x, y): 1000.0 - (x - 29) ** 2 - (y - 17) ** 2 for x in range(41) for y in range(41) if x % 7}
"""What every program of the toy task is worth, whoever measures it beside whom."""


Start = Callable[[list[str], dict[str, str], Path], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts campaigns; what runs on when a test fails is killed."""
    with ExitStack() as closing:

        def started(arguments: list[str], environment: dict[str, str], home: Path) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*COMMAND, *arguments],
                env=environment | {"NIGHTFORGE_HOME": str(home)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            closing.enter_context(process)
            closing.callback(process.kill)
            return process

        yield started


def finish(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err[-2000:]
    record = json.loads(out.splitlines()[-1])
    assert record["kind"] == "done"
    return dict(record)


def ranking(home: Path) -> list[tuple[int, str, float, float]]:
    """(candidate, state, score, what its program is worth), best first."""
    store = open_store(f"sqlite:///{home / 'nightforge.db'}", clock=SystemClock())
    try:
        campaign_id = store.campaigns()[0].campaign_id
        found = []
        for candidate in store.ranked(campaign_id, limit=50):
            assert candidate.code_sha is not None
            assert candidate.score is not None
            numbers = dict(line.split(" = ") for line in store.source(candidate.code_sha).splitlines() if " = " in line)
            worth = SCORES[int(numbers["X"]), int(numbers["Y"])]
            found.append((candidate.ordinal, candidate.state.value, candidate.score, worth))
        return found
    finally:
        asyncio.run(store.close())


def test_the_daily_cap_holds_over_ten_databases(
    protocol_server: ProtocolServer, toy_environment: dict[str, str], tmp_path: Path, start: Start
) -> None:
    cap_usd = 4.0
    protocol_server.handle(reply_as_team(5, delay_s=0.05))
    shared = {
        "NIGHTFORGE_API_KEY": "test-key",
        "NIGHTFORGE_BROKER_DIR": str(tmp_path / "broker"),
        "NIGHTFORGE_DAILY_USD": str(cap_usd),
        "TOY_SECONDS": "0.05",
    }
    model = ["--model", "toy-model", "--price-in", "10", "--price-out", "40", "--base-url", protocol_server.base_url]
    words = ["run", GOAL, "--yes", "--json", *model, "--max-usd", "100", "--evaluations", "400"]
    homes = [tmp_path / f"home-{number}" for number in range(10)]
    environment = toy_environment | shared
    processes = [start([*words, "--seed", str(number)], environment, home) for number, home in enumerate(homes)]
    spent_usd, ended_by = 0.0, set()
    for process, home in zip(processes, homes, strict=True):
        process.communicate(timeout=600)
        store = open_store(f"sqlite:///{home / 'nightforge.db'}", clock=SystemClock())
        campaign = store.campaigns()[0]
        spent_usd += campaign.tally.cost_usd
        ended_by.add((campaign.state.value, campaign.reason))
        asyncio.run(store.close())
    broker = MachineBroker(tmp_path / "broker")
    assert 0.8 * cap_usd < spent_usd <= cap_usd, ended_by
    assert broker.spent_today_usd() == pytest.approx(spent_usd, rel=1e-6)
    broker.close()


def test_ten_campaigns_at_once_rank_as_each_alone(
    toy_environment: dict[str, str], tmp_path: Path, start: Start
) -> None:
    """The same seeds, first all together and then one after the other: the same programs in the same order.

    One candidate under way at a time, so that what a campaign knows when it chooses does not hang on the clock.
    """
    words = ["run", GOAL, "--yes", "--json", "--offline", "--evaluations", "30", "--in-flight", "1"]
    environment = toy_environment | {"TOY_SECONDS": "0.02", "NIGHTFORGE_BROKER_DIR": str(tmp_path / "broker")}
    together = [tmp_path / f"together-{number}" for number in range(10)]
    processes = [start([*words, "--seed", str(number)], environment, home) for number, home in enumerate(together)]
    for process in processes:
        finish(process)
    rankings = [ranking(home) for home in together]
    for number, found in enumerate(rankings):
        alone = tmp_path / f"alone-{number}"
        finish(start([*words, "--seed", str(number)], environment, alone))
        assert found == ranking(alone), f"seed {number}"
        assert len(found) > 10
        assert all(score == worth for _, _, score, worth in found), "nothing of the other nine shows in its numbers"
    assert len({str(found) for found in rankings}) == 10, "ten searches, not one"
