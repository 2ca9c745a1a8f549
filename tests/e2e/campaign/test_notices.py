"""What a campaign tells a webhook, over real HTTP; and that no webhook can end or hold up a campaign."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from nightforge_toy.evaluator import ToyEvaluator
from pydantic import SecretStr

from nightforge.domain.plan import Budget
from nightforge.domain.words import CampaignState, CandidateState
from nightforge.errors import EvaluatorFault
from tools.clock import SystemClock
from tools.notify import Webhook
from tools.retrying import Backoff
from workflows import heralding
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.heralding import Herald
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box


class Receiver:
    def __init__(self, status: int) -> None:
        self.said: list[dict[str, object]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.said.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = SecretStr(f"http://127.0.0.1:{self.server.server_address[1]}/hook")

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()

    def kinds(self) -> list[object]:
        return [one["kind"] for one in self.said]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(204)
    yield made
    made.close()


@pytest.fixture
def refusing() -> Iterator[Receiver]:
    made = Receiver(500)
    yield made
    made.close()


async def run(night: Night, evaluations: int = 12) -> Done:
    card = await night.begin(NightRequest(goal="climb the hill to its peak", budget=Budget(evaluations=evaluations)))
    assert isinstance(card, AwaitApproval)
    done = await night.approve()
    assert isinstance(done, Done)
    return done


def hook(receiver: Receiver) -> Webhook:
    return Webhook(receiver.url, SystemClock(), backoff=Backoff(first_s=0.01, longest_s=0.01))


async def test_the_end_is_told_with_the_headline_of_the_report(open_toy_night: NightOpener, receiver: Receiver) -> None:
    async with open_toy_night() as night:
        night.house.webhook = hook(receiver)
        done = await run(night)
        await night.house.webhook.close()
    last = receiver.said[-1]
    assert last["kind"] == "finished"
    assert last["campaign_id"] == done.campaign_id
    assert str(last["text"]).startswith(f"{done.campaign_id} finished. Found ")


async def test_a_webhook_that_refuses_everything_changes_nothing(
    open_toy_night: NightOpener, refusing: Receiver
) -> None:
    async with open_toy_night() as night:
        night.house.webhook = hook(refusing)
        done = await run(night)
        assert done.state is CampaignState.FINISHED
        await night.house.webhook.close(within_s=30)
        assert night.house.webhook.delivered == 0
    assert refusing.said


async def test_a_pause_by_trouble_is_told_without_the_words_of_the_error(
    open_toy_night: NightOpener, receiver: Receiver
) -> None:
    class Broken(ToyEvaluator):
        async def evaluate(self, source: str, *rest: object, **named: object) -> object:  # type: ignore[override]
            if named["phase"] == "search" and "X = 3\n" not in source:
                raise EvaluatorFault("a candidate's own words")
            return await super().evaluate(source, *rest, **named)  # type: ignore[arg-type]

    async with open_toy_night() as night:
        night.house.webhook = hook(receiver)
        night.house.evaluators = {"toy": Broken}  # type: ignore[dict-item]
        with pytest.raises(EvaluatorFault):
            await run(night)
        await night.house.webhook.close()
    assert receiver.kinds()[-1] == "stalled"
    assert "paused: EvaluatorFault" in str(receiver.said[-1]["text"])
    assert "own words" not in json.dumps(receiver.said)


async def test_what_is_told_while_it_runs(
    open_toy_night: NightOpener, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks made by hand on a finished campaign that is said to run: caps, a champion, a suspect, a standstill."""
    async with open_toy_night() as night:
        done = await run(night)
        store, campaign_id = night.store, done.campaign_id
        await store.set_campaign_state(campaign_id, CampaignState.RUNNING)
        webhook = hook(receiver)
        herald = Herald(store, campaign_id, SystemClock(), webhook, stalled_s=3600)
        await herald.look()
        await herald.look()
        assert await told(webhook, receiver) == ["budget", "champion"], "each once"
        assert "100% of its evaluations (12)" in str(receiver.said[0]["text"])
        champion = next(one for one in receiver.said if one["kind"] == "champion")
        assert "leads at" in str(champion["text"])

        worst = store.ranked(campaign_id)[-1]
        await store.set_candidate_state(campaign_id, worst.ordinal, CandidateState.SUSPICIOUS, reason="below_roof")
        await herald.look()
        assert (await told(webhook, receiver))[-1] == "suspicious"
        assert receiver.said[-1]["facts"] == {"candidates": [worst.ref], "count": 1}

        again = Herald(store, campaign_id, SystemClock(), webhook, stalled_s=3600)
        await again.look()
        assert len(await told(webhook, receiver)) == 3, "another process does not tell it again"

        still = Herald(store, campaign_id, SystemClock(), webhook, stalled_s=0.0)
        await still.look()
        await still.look()
        kinds = await told(webhook, receiver)
        assert kinds.count("stalled") == 1
        monkeypatch.setattr(heralding, "LOOK_S", 0.01)
        async with heralding.heralding(store, campaign_id, SystemClock(), None, stalled_s=1) as nobody:
            assert nobody is None


async def told(webhook: Webhook, receiver: Receiver) -> list[object]:
    await webhook.close()
    return receiver.kinds()
