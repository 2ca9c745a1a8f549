"""The process ends right after its n-th commit, for each n; resumed, the campaign comes to the same end.

From the n-th commit on every write fails, as after `kill -9` nothing more is written: what is on disk then is what a
kill between that commit and the next would leave.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from nightforge_toy.replies import edit, misfit, prose, reply_as_team, wrong
from protocol_server import ProtocolServer
from protocol_server.behaviours import Behaviour, Received, answer, by_role

from nightforge.domain.candidate import Candidate
from nightforge.domain.model import CallState, ModelCall
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.ports import Store
from nightforge.domain.words import CampaignState, TeamKind
from nightforge.errors import StoreFault
from nightforge.store.writer import Writer
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
EVALUATIONS = 5
REPAIR = re.compile("The failing program|your last reply about it could not be used")
STRIDE = 6
"""Each n is tried by one of the parts; `make test` runs the first part, `make test-slow` the others."""


class Doom:
    """Counts commits; past `after` nothing can be written."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.commits = 0

    @contextmanager
    def falls(self) -> Iterator[None]:
        run = Writer.run_with_ledgers

        async def doomed(writer: Writer, work: Callable[..., Any]) -> Any:
            if self.commits >= self.after:
                raise StoreFault("the disk is gone")
            self.commits += 1
            return await run(writer, work)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Writer, "run_with_ledgers", doomed)
            yield


@pytest.fixture(autouse=True)
def _a_dead_owner_is_soon_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.ownership.LEASE_S", 0.01)


def everyone(store: Store, campaign_id: str) -> list[Candidate]:
    found = store.recent(campaign_id, limit=1000)
    return sorted(found, key=lambda candidate: candidate.ordinal)


def scored(store: Store, campaign_id: str) -> dict[tuple[int, int], str]:
    return {
        (candidate.ordinal, attempt.attempt): f"{attempt.code_sha} {attempt.evidence.model_dump_json()}"
        for candidate in everyone(store, campaign_id)
        for attempt in store.attempts(campaign_id, candidate.ordinal)
        if attempt.evidence is not None
    }


def answered(store: Store, campaign_id: str) -> dict[int, ModelCall]:
    calls = store.calls(campaign_id, limit=10_000)
    return {call.call_id: call for call in calls if call.state is CallState.ANSWERED}


def lines_of(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


async def begin(night: Night, request: NightRequest) -> str:
    card = await night.begin(request)
    assert isinstance(card, AwaitApproval)
    return card.card.campaign_id


async def end_and_resume(open_toy_night: NightOpener, request: NightRequest, doom: Doom, log: Path, url: str) -> bool:
    """One campaign that ends after the last commit that `doom` lets through; False when it was through before."""
    begun = len(lines_of(log))
    async with open_toy_night(base_url=url or None) as night:
        campaign_id = await begin(night, request)
        with doom.falls():
            try:
                await night.approve()
            except StoreFault:
                assert doom.commits == doom.after
            else:
                return False
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not [task for task in others if task.get_name().startswith("candidate-")], "nothing flies on"
        before, replies = scored(night.store, campaign_id), answered(night.store, campaign_id)
    ended = len(lines_of(log))
    assert ended > begun or not before, "what is scored was evaluated"
    async with open_toy_night(base_url=url or None) as night:
        done = await night.resume(campaign_id)
        assert isinstance(done, Done)
        store = night.store
        assert (done.state, done.reason) == (CampaignState.FINISHED, "budget:evaluations")
        assert store.tally(campaign_id).evaluations == EVALUATIONS == len(scored(store, campaign_id))
        assert not store.unfinished(campaign_id)
        assert "budget" not in store.tally(campaign_id).by_reason, "what was begun keeps its evaluation"
        assert before.items() <= scored(store, campaign_id).items(), "nothing scored is lost or changed"
        again = Counter(line for line in lines_of(log)[ended:] if line.startswith("search"))
        for evidence in before.values():
            assert again[f"search {evidence.split()[0]}"] == 0, "a scored program was evaluated again"
        assert replies.items() <= answered(store, campaign_id).items(), "no reply is lost or changed"
        asked = Counter(call.key for call in answered(store, campaign_id).values())
        assert max(asked.values(), default=1) == 1, f"a committed reply was asked for again: {asked.most_common(1)}"
        calls = store.calls(campaign_id, limit=10_000)
        assert not [call for call in calls if call.state is CallState.SENT]
        assert store.tally(campaign_id).cost_usd == pytest.approx(sum(call.cost_usd for call in calls))
    return True


async def end_at_each(
    open_toy_night: NightOpener, request: NightRequest, part: int, tmp_path: Path, url: str = ""
) -> None:
    after = part
    while await end_and_resume(open_toy_night, request, Doom(after), tmp_path / "evaluations.log", url):
        after += STRIDE
    assert after > 20, "a campaign makes more commits than that"


parts = pytest.mark.parametrize(
    "part", [pytest.param(part, marks=[pytest.mark.slow] if part > 1 else []) for part in range(1, STRIDE + 1)]
)


@parts
async def test_the_offline_team_comes_to_the_same_end_after_each_commit(
    open_toy_night: NightOpener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "evaluations.log"))
    request = NightRequest(goal="climb the hill to its peak", budget=Budget(evaluations=EVALUATIONS), preset="team")
    await end_at_each(open_toy_night, request, part, tmp_path)


@parts
async def test_a_team_with_a_model_comes_to_the_same_end_and_asks_nothing_twice(
    open_toy_night: NightOpener,
    protocol_server: ProtocolServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: int,
) -> None:
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "evaluations.log"))
    random = Random(part)

    def coder(received: Received) -> Behaviour:
        """All kinds of first drafts; what is mended is mended well, so that no model fails its rehearsal."""
        say = edit if REPAIR.search(received.prompt) else random.choice([edit, misfit, wrong, prose])
        return answer(say(received, random))

    protocol_server.handle(by_role({"You are the coder": coder}, reply_as_team(seed=part)))
    url = protocol_server.base_url
    await end_at_each(open_toy_night, request_with_model(url), part, tmp_path, url)


async def test_who_began_a_candidate_in_its_rehearsal_finishes_it(
    open_toy_night: NightOpener, protocol_server: ProtocolServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last commit is the reply to its repair: another team would word the request otherwise, and pay again."""
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "evaluations.log"))
    doom, random = Doom(10_000), Random(1)

    def coder(received: Received) -> Behaviour:
        if not REPAIR.search(received.prompt):
            return answer(wrong(received, random))
        doom.after = min(doom.after, doom.commits + 1)
        return answer(edit(received, random))

    protocol_server.handle(by_role({"You are the coder": coder}, reply_as_team(seed=1)))
    url = protocol_server.base_url
    assert await end_and_resume(open_toy_night, request_with_model(url), doom, tmp_path / "evaluations.log", url)


def request_with_model(url: str) -> NightRequest:
    model = ModelSpec(
        model="toy-model", base_url=url, input_usd_per_mtok=10.0, output_usd_per_mtok=40.0, max_output_tokens=500
    )
    return NightRequest(
        goal="climb the hill to its peak",
        budget=Budget(evaluations=EVALUATIONS, cost_usd=100.0),
        team=TeamKind.LLM,
        models=(model,),
        in_flight=3,
    )
