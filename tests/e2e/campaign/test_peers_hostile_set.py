"""What broke the engines that came before: candidates that hang or exit, scores below zero with failures between
them, feedback that leaves the prompts as a campaign grows, process numbers that come round. Programs run for real."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from nightforge_toy.boxed import HOSTILE, LIMITS, BoxedHill, height, honest
from nightforge_toy.evaluator import ToyEvaluator
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer
from protocol_server.behaviours import Behaviour, Received, answer

from agents.offline.team import OfflineTeam
from nightforge.domain.base import Scalar
from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.task import Task
from nightforge.domain.team import Draft, StepContext
from nightforge.domain.words import CampaignState, CandidateState, OperatorKind, Phase, TeamKind
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
GOAL = "climb the hill to its peak"
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


class Impatient(BoxedHill):
    limits = LIMITS.model_copy(update={"wall_s": 3.0})


class ByOrdinal:
    """Writes what `kind` says: a hostile program by its name, or an honest one at a point of its own."""

    def __init__(self, kind: Callable[[int], str | None]) -> None:
        self.kind = kind

    def point(self, ordinal: int) -> tuple[int, int]:
        return ordinal % 41, (ordinal * 7) % 41

    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft:
        kind = self.kind(context.ordinal)
        source = honest(*self.point(context.ordinal)) if kind is None else HOSTILE[kind]
        words = f"# candidate {context.ordinal}\n"
        return Draft(source=words + source, operator=OperatorKind.FULL, operator_name="full.scripted")

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft:
        raise AssertionError("nothing is repaired here")


async def run(night: Night, evaluations: int, coder: ByOrdinal, *, slots: int = 4) -> list[Candidate]:
    night.house.make_team = lambda models, budget, campaign_id: OfflineTeam(coder)
    request = NightRequest(
        goal=GOAL, budget=Budget(evaluations=evaluations + 1), repairs=0, evaluation_slots=slots, seed=3
    )
    assert isinstance(await night.begin(request), AwaitApproval)
    done = await night.approve()
    assert isinstance(done, Done)
    assert (done.state, done.reason) == (CampaignState.FINISHED, "budget:evaluations")
    store = night.store
    assert store.tally(done.campaign_id).evaluations == evaluations + 1
    rows = [store.candidate(done.campaign_id, at) for at in range(store.next_ordinal(done.campaign_id))]
    check_ranking(rows, store.ranked(done.campaign_id, limit=len(rows)), coder)
    return rows


def check_ranking(rows: list[Candidate], ranked: object, coder: ByOrdinal) -> None:
    """Honest ones have their own height, hostile ones none; the best honest one leads; no failure is a parent."""
    bad = {one.ordinal for one in rows[1:] if coder.kind(one.ordinal) is not None}
    for one in rows[1:]:
        assert (one.score is None) == (one.ordinal in bad), one
        assert one.ordinal in bad or one.score == height(*coder.point(one.ordinal))
        assert one.ordinal not in bad or one.state is CandidateState.REJECTED
    assert isinstance(ranked, tuple)
    assert {one.ordinal for one in ranked} == {one.ordinal for one in rows} - bad
    scored = [one for one in rows if one.score is not None]
    assert ranked[0].ordinal == max(scored, key=lambda one: (one.score_low or 0.0, -one.ordinal)).ordinal
    assert not {parent for one in rows for parent in one.parents} & bad


@pytest.mark.slow
async def test_one_in_five_never_returns(open_toy_night: NightOpener) -> None:
    """Peers: every later evaluation times out, or the run stops for ever."""
    coder = ByOrdinal(lambda ordinal: ("hangs", "sleeps", "ignores-signals")[ordinal % 3] if ordinal % 5 == 0 else None)
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": Impatient}
        rows = await asyncio.wait_for(run(night, 40, coder), 90.0)
    assert {one.reason for one in rows if one.ordinal and one.ordinal % 5 == 0} == {"timeout"}


async def test_one_in_twenty_exits_at_once(open_toy_night: NightOpener) -> None:
    """Peers: a silent hang, or the run itself exits."""
    coder = ByOrdinal(lambda ordinal: ("exits", "exits-as-if-well")[ordinal // 20 % 2] if ordinal % 20 == 0 else None)
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": BoxedHill}
        rows = await asyncio.wait_for(run(night, 60, coder), 90.0)
    reasons = [one.reason for one in rows if one.ordinal and one.ordinal % 20 == 0]
    assert reasons == ["no_numbers", "run_error", "no_numbers"]


async def test_scores_below_zero_rank_above_failures(open_toy_night: NightOpener) -> None:
    """Peers: the best program is a failed one, since 0 beats -1.2."""
    coder = ByOrdinal(lambda ordinal: "paints-the-screen" if ordinal % 10 == 0 else None)
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": BoxedHill}
        rows = await run(night, 40, coder)
    assert all(one.score is None or one.score < 0 for one in rows)


def last_number() -> str:
    return LAST_PID.read_text(encoding="ascii")


def turn_back(number: str) -> int:
    """The next process gets the first free number after `number`; returns the one that a process got just now."""
    LAST_PID.write_text(number, encoding="ascii")
    with subprocess.Popen([sys.executable, "-c", ""]) as probe:
        pass
    LAST_PID.write_text(number, encoding="ascii")
    return probe.pid


@pytest.mark.skipif(not os.access(LAST_PID, os.W_OK), reason="the next process number can be set by root only")
async def test_process_numbers_that_come_round_lose_nothing(open_toy_night: NightOpener) -> None:
    """Peers: a valid result is thrown away as a duplicate once a process number comes again."""
    back_to = last_number()
    seen: list[int] = []

    class Turned(BoxedHill):
        async def evaluate(
            self,
            source: str,
            task: Task,
            parameters: Mapping[str, Scalar],
            *,
            seed: int,
            phase: Phase,
            calibration: Calibration | None = None,
            best_score: float | None = None,
        ) -> Evidence:
            seen.append(turn_back(back_to))
            return await super().evaluate(source, task, parameters, seed=seed, phase=phase)

    async with open_toy_night() as night:
        night.house.evaluators = {"toy": Turned}
        await run(night, 30, ByOrdinal(lambda ordinal: None), slots=1)
    assert len(set(seen)) <= len(seen) - 10, "the numbers did come round"


class Telling(ToyEvaluator):
    """Every evaluation leaves an artifact that names its program."""

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        evidence = await super().evaluate(source, task, parameters, seed=seed, phase=phase)
        words = f"artifact of {sha256(source.encode()).hexdigest()}"
        last = evidence.stages[-1].model_copy(update={"feedback": words})
        return evidence.model_copy(update={"stages": (*evidence.stages[:-1], last)})


@pytest.mark.slow
async def test_artifacts_stay_in_the_prompt_after_500_candidates(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    """Peers: 8 of the last 50 prompts of 400 hold their parent's artifact."""
    numbers, others = itertools.count(), reply_as_team(seed=5)
    allowed = [x for x in range(41) if x % 7]  # 1,435 programs that differ in more than their comments

    def reply(received: Received) -> Behaviour:
        if not received.messages[0]["content"].startswith("You are the coder"):
            return others(received)
        number = next(numbers)
        y, x = divmod(number, len(allowed))
        return answer(f"NOTE: {number}\n```\n# program {number}\nX = {allowed[x]}\nY = {y % 41}\n```")

    protocol_server.handle(reply)
    model = ModelSpec(
        model="toy-model", base_url=protocol_server.base_url, input_usd_per_mtok=1.0, output_usd_per_mtok=1.0
    )
    request = NightRequest(
        goal=GOAL,
        budget=Budget(evaluations=520, cost_usd=1e4),
        team=TeamKind.LLM,
        models=(model,),
        in_flight=4,
        preset="solo",
        repairs=0,
    )
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        night.house.evaluators = {"toy": Telling}
        assert isinstance(await night.begin(request), AwaitApproval)
        done = await night.approve()
        assert isinstance(done, Done)
        store = night.store
        checked: list[int] = []
        for call in store.calls(done.campaign_id, limit=10_000):
            if not call.key.step.startswith("code") or not call.key.ordinal:
                continue
            parent = store.candidate(done.campaign_id, store.candidate(done.campaign_id, call.key.ordinal).parents[0])
            prompt = "\n".join(message.content for message in store.call_messages(call.call_id))
            assert f"artifact of {parent.code_sha}" in prompt, call.key
            checked.append(call.key.ordinal)
        assert store.next_ordinal(done.campaign_id) >= 500
    assert len(checked) >= 200, "the others are made by programs, without a prompt"
    assert sum(ordinal > 450 for ordinal in checked) >= 10
