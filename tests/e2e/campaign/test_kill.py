"""kill -9 at random moments, then `nightforge resume`: nothing scored is lost or doubled, nothing is paid twice."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer

from nightforge.domain.model import CallState, ModelCall
from nightforge.domain.ports import Store
from nightforge.domain.words import CampaignState
from nightforge.store import open_store
from tools.clock import SystemClock

pytestmark = pytest.mark.box
EVALUATIONS = 120
COMMAND = [sys.executable, "-m", "nightforge"]
MODEL = [
    "--model",
    "toy-model",
    "--price-in",
    "10",
    "--price-out",
    "40",
    "--max-usd",
    "100",
]


@dataclass
class Seen:
    """What was committed at the moment of a kill."""

    scored: dict[tuple[int, int], str] = field(default_factory=dict)
    """(candidate, attempt) → its evidence, as JSON."""
    answered: dict[int, str] = field(default_factory=dict)
    """Call → its reply."""
    sent: set[int] = field(default_factory=set)
    """Calls in flight."""
    log_lines: int = 0


def look(home: Path, log: Path) -> tuple[str, CampaignState, Seen]:
    store = open_store(f"sqlite:///{home / 'nightforge.db'}", clock=SystemClock())
    try:
        campaign = store.campaigns()[0]
        seen = Seen(log_lines=len(log.read_text().splitlines()) if log.exists() else 0)
        for ordinal in range(store.next_ordinal(campaign.campaign_id)):
            for attempt in store.attempts(campaign.campaign_id, ordinal):
                if attempt.evidence is not None:
                    evidence = attempt.evidence.model_dump_json()
                    seen.scored[ordinal, attempt.attempt] = f"{attempt.code_sha} {evidence}"
        for call in all_calls(store, campaign.campaign_id):
            if call.state is CallState.ANSWERED:
                seen.answered[call.call_id] = call.reply_text or ""
            elif call.state is CallState.SENT:
                seen.sent.add(call.call_id)
        return campaign.campaign_id, campaign.state, seen
    finally:
        close(store)


def all_calls(store: Store, campaign_id: str) -> list[ModelCall]:
    return list(store.calls(campaign_id, limit=100_000))


def close(store: Store) -> None:
    asyncio.run(store.close())


@contextmanager
def started(arguments: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Killed on the way out, however the test ends."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [*COMMAND, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[bytes], evaluation_log: Path, lines: int, timeout_s: float = 60.0) -> None:
    """Until the campaign has evaluated something more, so that each kill meets a campaign at work."""
    deadline = time.monotonic() + timeout_s
    while process.poll() is None and time.monotonic() < deadline:
        if evaluation_log.exists() and len(evaluation_log.read_text().splitlines()) > lines:
            return
        time.sleep(0.02)


def kill_and_resume(
    kills: int,
    server: ProtocolServer,
    environment: dict[str, str],
    tmp_path: Path,
    seed: int,
    *,
    plan: Path | None = None,
    words: Sequence[Sequence[str]] = (),
) -> tuple[list[Seen], int]:
    """One campaign through `kills` kills to its end: what was committed at each, and how many kills hit.

    `words` are steering commands, one of them given before each kill.
    """
    random = Random(seed)
    home, evaluation_log, output = tmp_path / "home", tmp_path / "evaluations.log", tmp_path / "output.log"
    budget = ["--evaluations", str(EVALUATIONS), "--in-flight", "4", "--seed", str(seed)]
    goal = ["run", "climb the hill to its peak", "--yes", "--base-url", server.base_url, *MODEL, *budget]
    first = goal if plan is None else ["run", str(plan), "--yes"]
    looks, hits = [Seen()], 0
    for number in range(kills):
        with started(["resume"] if number else first, environment, output) as process:
            wait_for(process, evaluation_log, looks[-1].log_lines)
            if words:
                steer(words[number % len(words)], home)
            time.sleep(random.uniform(0.0, 0.6))
            if process.poll() is not None:
                break
        hits += 1
        looks.append(look(home, evaluation_log)[2])
    else:
        with started(["resume"], environment, output) as process:
            process.wait(timeout=180)
    assert process.returncode == 0, output.read_text()[-3000:]
    looks.append(look(home, evaluation_log)[2])
    return looks, hits


def steer(word: Sequence[str], home: Path) -> None:
    """As the commands do it, without the second that a process of their own takes to start."""

    async def type_it() -> None:
        store = open_store(f"sqlite:///{home / 'nightforge.db'}", clock=SystemClock())
        campaign = store.campaigns()[0]
        named, best = campaign.campaign_id, campaign.tally.best_ordinal or 1
        match word:
            case ["hint", "--drop", number]:
                await store.withdraw_hint(named, int(number))
                await store.post_command(named, "hint")
            case ["hint", text]:
                await store.give_hint(named, text)
                await store.post_command(named, "hint")
            case ["discard"]:
                await store.mark_candidate(named, best, discarded=True)
            case ["star"]:
                await store.mark_candidate(named, best, starred=True)
            case ["budget"]:
                await store.save_plan(named, campaign.plan)
                await store.post_command(named, "budget")
        await store.close()

    asyncio.run(type_it())


def check(looks: list[Seen], server: ProtocolServer, tmp_path: Path) -> None:
    home, evaluation_log = tmp_path / "home", tmp_path / "evaluations.log"
    last = looks[-1]
    lines = evaluation_log.read_text().splitlines()
    for seen in looks[:-1]:
        for key, evidence in seen.scored.items():
            assert last.scored[key] == evidence, f"candidate {key} was lost or changed"
        for call_id, text in seen.answered.items():
            assert last.answered[call_id] == text, f"call {call_id} was lost or changed"
        again = Counter(line for line in lines[seen.log_lines :] if line.startswith("search"))
        for evidence in seen.scored.values():
            assert again[f"search {evidence.split()[0]}"] == 0, "a scored program was evaluated again"
    store = open_store(f"sqlite:///{home / 'nightforge.db'}", clock=SystemClock())
    campaign = store.campaigns()[0]
    calls = all_calls(store, campaign.campaign_id)
    close(store)
    assert campaign.state is CampaignState.FINISHED
    assert campaign.tally.evaluations == EVALUATIONS == len(last.scored)
    answered = Counter(
        (call.key, call.request_sha) for call in calls if call.state is CallState.ANSWERED and call.reply_text
    )
    assert max(answered.values()) == 1, "a committed reply was asked for again"
    lost = [call for call in calls if call.state is CallState.LOST]
    in_flight = set().union(*(seen.sent for seen in looks[:-1]))
    assert {call.call_id for call in lost} == in_flight
    assert all(call.cost_usd == pytest.approx(call.reserved_usd) and call.cost_usd > 0 for call in lost)
    assert not any(call.state is CallState.SENT for call in calls)
    assert campaign.tally.cost_usd == pytest.approx(sum(call.cost_usd for call in calls))
    assert len(server.requests) <= len(calls), "a request without a row"


def run_through(kills: int, server: ProtocolServer, environment: dict[str, str], tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    server.handle(reply_as_team(seed, delay_s=0.05))
    environment |= {"NIGHTFORGE_API_KEY": "test-key", "NIGHTFORGE_BASE_URL": server.base_url, "TOY_SECONDS": "0.1"}
    looks, hits = kill_and_resume(kills, server, environment, tmp_path, seed)
    assert hits == kills, f"the campaign (seed {seed}) ended before the last kill"
    check(looks, server, tmp_path)


def test_two_kills(protocol_server: ProtocolServer, toy_environment: dict[str, str], tmp_path: Path) -> None:
    run_through(2, protocol_server, toy_environment, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_kills(protocol_server: ProtocolServer, toy_environment: dict[str, str], tmp_path: Path) -> None:
    run_through(20, protocol_server, toy_environment, tmp_path)


def team_plan(server: ProtocolServer, environment: dict[str, str], tmp_path: Path) -> Path:
    """A team with several drafts on several islands, whose best often migrate."""
    path = tmp_path / "plan.json"
    budget = ["--evaluations", str(EVALUATIONS), "--in-flight", "4", "--preset", "team"]
    words = ["run", "climb the hill to its peak", "--yes", "--base-url", server.base_url, *MODEL, *budget]
    made = subprocess.run(
        [*COMMAND, *words, "--plan-only", "--plan-out", str(path)],
        env=environment | {"NIGHTFORGE_HOME": str(tmp_path / "planning")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    plan = json.loads(path.read_text())
    plan["search"] |= {"drafts": 3, "policy_parameters": {"islands": 3, "migrate_every": 4}}
    # Each kill books what is in flight as spent, and the rehearsal of models has only its share of the cap.
    plan["budget"]["cost_usd"] = 5000.0
    path.write_text(json.dumps(plan))
    return path


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kills_with_drafts_islands_and_steering_in_flight(
    protocol_server: ProtocolServer, toy_environment: dict[str, str], tmp_path: Path
) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    protocol_server.handle(reply_as_team(seed, delay_s=0.05))
    environment = toy_environment | {
        "NIGHTFORGE_API_KEY": "test-key",
        "NIGHTFORGE_BASE_URL": protocol_server.base_url,
        "NIGHTFORGE_BROKER_DIR": str(tmp_path / "broker"),
        "TOY_SECONDS": "0.1",
    }
    words = [["hint", "go right"], ["discard"], ["star"], ["budget"], ["hint", "--drop", "1"], ["discard"]]
    plan = team_plan(protocol_server, environment, tmp_path)
    looks, hits = kill_and_resume(8, protocol_server, environment, tmp_path, seed, plan=plan, words=words)
    assert hits == 8, f"the campaign (seed {seed}) ended before the last kill"
    check(looks, protocol_server, tmp_path)
    store = open_store(f"sqlite:///{tmp_path / 'home' / 'nightforge.db'}", clock=SystemClock())
    campaign_id = store.campaigns()[0].campaign_id
    rows = [store.candidate(campaign_id, number) for number in range(store.next_ordinal(campaign_id))]
    events = Counter(event.kind for event in store.events(campaign_id, limit=100_000))
    archive, trials, untold = store.archive(campaign_id), store.trials(campaign_id), store.untold(campaign_id)
    close(store)
    discarded = {row.ordinal for row in rows if row.discarded}
    assert discarded
    assert not discarded & {one.ordinal for one in archive.residents}
    assert {one.island for one in archive.residents} >= {0, 1, 2}
    assert (trials, list(untold)) == (len(rows), []), "each result is told, once"
    assert events["candidate.drafts"] > 10
    assert events["control.hint"] == 2
