"""`run --detach`: it outlives its terminal, a killed campaign comes back by itself, steering and caps survive kills."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from nightforge.domain.candidate import Campaign
from nightforge.domain.words import CampaignState
from nightforge.store import SqlStore, open_store
from tools.clock import SystemClock

pytestmark = pytest.mark.box
COMMAND = [sys.executable, "-m", "nightforge"]
T = TypeVar("T")
GOAL = "climb the hill to its peak"


class Night:
    """One home, the commands typed in it, and the processes that it left."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment
        self.campaign_id = ""

    def type(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [*COMMAND, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}\n{self.log()}"
        return done.stdout

    def detach(self, *words: str) -> None:
        lines = self.type("run", GOAL, "--yes", "--offline", "--detach", "--json", *words).splitlines()
        records = [json.loads(line) for line in lines]
        assert [record["kind"] for record in records] == ["launch", "detached"]
        self.campaign_id = records[-1]["campaign_id"]

    def log(self) -> str:
        return "".join(path.read_text() for path in (self.home / "logs").glob("*.log"))

    def look(self) -> Campaign:
        return self.ask(lambda store: store.campaign(self.campaign_id))

    def ask(self, question: Callable[[SqlStore], T]) -> T:
        store = open_store(f"sqlite:///{self.home / 'nightforge.db'}", clock=SystemClock())
        try:
            return question(store)
        finally:
            asyncio.run(store.close())

    def events(self, kind: str) -> int:
        events = self.ask(lambda store: store.events(self.campaign_id, limit=100_000))
        return sum(event.kind == kind for event in events)

    def wait(self, holds: Callable[[Campaign], bool], timeout_s: float = 90.0) -> Campaign:
        deadline = time.monotonic() + timeout_s
        while not holds(campaign := self.look()):
            assert time.monotonic() < deadline, f"{campaign.state} {campaign.reason} {campaign.tally}\n{self.log()}"
            time.sleep(0.1)
        return campaign

    def processes(self, word: str) -> list[int]:
        """Of this campaign, whose command line has `word`."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if self.campaign_id.encode() in words and word.encode() in words:
                found.append(int(folder.name))
        return found

    def campaign_process(self, timeout_s: float = 30.0) -> int:
        deadline = time.monotonic() + timeout_s
        while not (found := self.processes("resume")):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return found[0]


@pytest.fixture
def night(tmp_path: Path, toy_environment: dict[str, str]) -> Iterator[Night]:
    night = Night(tmp_path / "home", toy_environment | {"TOY_SECONDS": "0.1"})
    yield night
    if night.campaign_id:
        for word in ("watch", "resume"):
            for pid in night.processes(word):
                os.kill(pid, signal.SIGKILL)


def scored_at_least(evaluations: int) -> Callable[[Campaign], bool]:
    return lambda campaign: campaign.tally.evaluations >= evaluations


def test_a_killed_campaign_goes_on_and_nobody_types_resume(night: Night) -> None:
    night.detach("--evaluations", "60")
    scored = 0
    for _ in range(2):
        scored = night.wait(scored_at_least(scored + 8)).tally.evaluations
        pid = night.campaign_process()
        os.kill(night.processes("watch")[0], signal.SIGHUP)
        os.kill(pid, signal.SIGHUP)
        os.kill(pid, signal.SIGKILL)
    ended = night.wait(lambda campaign: campaign.state is CampaignState.FINISHED)
    assert ended.reason == "budget:evaluations"
    assert ended.tally.evaluations == 60
    assert night.events("watch.restarted") == 2
    deadline = time.monotonic() + 20
    while night.processes("watch"):
        assert time.monotonic() < deadline, "a watcher ends with its campaign"
        time.sleep(0.1)


def test_one_watcher_is_enough_and_a_stop_ends_both(night: Night) -> None:
    night.detach("--evaluations", "5000")
    night.wait(lambda campaign: campaign.tally.evaluations >= 3)
    assert len(night.processes("watch")) == 1
    night.type("watch", night.campaign_id, code=1)
    night.type("stop", night.campaign_id)
    ended = night.wait(lambda campaign: campaign.state is CampaignState.FINISHED)
    assert ended.reason == "stopped"
    assert night.events("watch.restarted") == 0


@pytest.mark.slow
def test_it_is_done_at_the_time_named(night: Night) -> None:
    until = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 30))
    night.detach("--evaluations", "5000", "--until", until)
    ended = night.wait(lambda campaign: campaign.state is CampaignState.FINISHED)
    assert ended.reason == "until"
    assert ended.tally.evaluations > 5


@pytest.mark.slow
def test_list_tells_a_dead_campaign_from_a_running_one(night: Night) -> None:
    night.detach("--evaluations", "5000")
    night.wait(lambda campaign: campaign.tally.evaluations >= 3)
    record = json.loads(night.type("list", "--json"))
    assert (record["state"], record["alive"]) == ("running", True)
    pid = night.campaign_process()
    os.kill(night.processes("watch")[0], signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    time.sleep(4.5)
    record = json.loads(night.type("list", "--json"))
    assert (record["state"], record["alive"], record["reason"]) == ("paused", False, "process-gone")
    assert "▶" not in night.type("list")
    assert "process is gone" in night.type("show", night.campaign_id)


@pytest.mark.slow
def test_steering_survives_kills(night: Night) -> None:
    """Words of all kinds come while the process is killed at random moments: each takes effect, once."""
    night.detach("--evaluations", "400", "--in-flight", "4")
    campaign_id, random = night.campaign_id, Random(7)
    night.wait(lambda campaign: campaign.tally.evaluations >= 5)
    words = [
        ["hint", campaign_id, "go towards larger numbers"],
        ["star", f"{campaign_id}.1"],
        ["discard", f"{campaign_id}.2"],
        ["budget", campaign_id, "--evaluations", "90"],
    ]
    for word in words:
        os.kill(night.campaign_process(), signal.SIGKILL)
        time.sleep(random.uniform(0.0, 1.5))
        night.type(*word)
    ended = night.wait(lambda campaign: campaign.state is CampaignState.FINISHED, 150)
    assert (ended.reason, ended.tally.evaluations) == ("budget:evaluations", 90)
    (hint,) = night.ask(lambda store: store.hints(campaign_id))
    assert hint.used.candidates > hint.without.candidates > 0
    assert hint.used.finished == hint.used.candidates
    assert hint.used.candidates + hint.without.candidates <= ended.tally.candidates
    assert night.ask(lambda store: store.candidate(campaign_id, 1)).starred
    assert night.ask(lambda store: store.candidate(campaign_id, 2)).discarded
    assert night.ask(lambda store: store.mark_owners(campaign_id, 2)).keys() == {"discard"}
    assert 1 <= night.events("watch.restarted") <= len(words)
    assert night.events("control.hint") == 1


@pytest.mark.slow
def test_a_paused_campaign_stays_paused_over_a_kill(night: Night) -> None:
    night.detach("--evaluations", "60")
    night.wait(lambda campaign: campaign.tally.evaluations >= 3)
    night.type("pause", night.campaign_id)
    night.wait(lambda campaign: campaign.state is CampaignState.PAUSED)
    os.kill(night.campaign_process(), signal.SIGKILL)
    restarted = time.monotonic() + 60
    while night.events("watch.restarted") == 0 or night.look().state is not CampaignState.PAUSED:
        assert time.monotonic() < restarted, night.log()
        time.sleep(0.1)
    time.sleep(6)
    held = night.look()
    time.sleep(1.5)
    assert (night.look().state, night.look().tally.evaluations) == (CampaignState.PAUSED, held.tally.evaluations)
    night.type("resume", night.campaign_id)
    night.wait(lambda campaign: campaign.state is CampaignState.FINISHED)
