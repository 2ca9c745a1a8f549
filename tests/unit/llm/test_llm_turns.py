"""Requests and the machine's pace: who waits for its turn holds nothing, and no turn is wasted."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path

from protocol_server import Behaviour, ProtocolServer, Received
from protocol_server.behaviours import answer
from protocol_server.workbench import Workbench, spec
from pydantic import BaseModel

from nightforge.domain.model import Message, Reply
from nightforge.domain.plan import ModelSpec, Rates
from tools.broker import MachineBroker, NoBroker, NoTurn, Rate


def paced(base_url: str, model: str, **rates: int) -> ModelSpec:
    return spec(base_url, model=model).model_copy(update={"rates": Rates(**rates)})


class Late(NoBroker):
    """No turn at any account that has a pace."""

    async def admit(
        self, endpoint: str, rate: Rate, *, tokens: int = 0, patience_s: float = math.inf, pause_s: float = math.inf
    ) -> float:
        if rate.is_bounded:
            raise NoTurn(1000.0)
        return 0.0


async def test_a_model_without_a_turn_is_passed_over(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(answer("fine"))
    url = protocol_server.base_url
    client = bench.client(paced(url, "slow", requests_per_minute=1), spec(url, model="other"), broker=Late())
    reply = await bench.ask(client)
    assert reply.model == "other"
    assert [body["model"] for body in protocol_server.bodies] == ["other"]
    assert [call.model for call in bench.calls()] == ["other"], "no row, no dollar for what was not sent"


async def test_a_burst_beyond_the_pace_is_asked_of_the_other(
    bench: Workbench, protocol_server: ProtocolServer, tmp_path: Path
) -> None:
    """With the real ledger: one request a minute, the rest at once from the model beside it."""
    protocol_server.always(answer("fine"))
    url, broker = protocol_server.base_url, MachineBroker(tmp_path / "broker")
    client = bench.client(paced(url, "slow", requests_per_minute=1), spec(url, model="other"), broker=broker)
    replies = await asyncio.wait_for(asyncio.gather(*(bench.ask(client, f"s{n}") for n in range(4))), 10.0)
    assert sorted(reply.model for reply in replies) == ["other", "other", "other", "slow"]
    broker.close()


async def test_who_waits_for_a_slow_account_holds_no_slot(
    bench: Workbench, protocol_server: ProtocolServer, tmp_path: Path
) -> None:
    """One slot, five requests to an account of one a second: another account is served meanwhile."""
    protocol_server.always(answer("fine"))
    broker, came_s = MachineBroker(tmp_path / "broker"), {}
    begun_s = time.monotonic()

    def note(received: Received) -> Behaviour:
        came_s[str(received.body["model"]), received.number] = time.monotonic() - begun_s
        return answer("fine")

    protocol_server.handle(note)
    other = protocol_server.base_url.replace("127.0.0.1", "localhost")
    slow = paced(protocol_server.base_url, "slow", requests_per_minute=60)
    client = bench.client(slow, spec(other, model="quick"), max_concurrent_calls=1, broker=broker)

    async def ask(model: str, number: int) -> Reply[BaseModel]:
        messages = [Message(role="user", content=f"request {number}")]
        return await client.complete(bench.key(f"s{number}"), messages, model=model)

    busy = [asyncio.create_task(ask("slow", number)) for number in range(8)]
    await asyncio.sleep(0.2)
    quick = await asyncio.wait_for(ask("quick", 99), 0.7)
    assert quick.model == "quick"
    assert not all(task.done() for task in busy), "two of the eight still wait for their turn"
    assert {reply.model for reply in await asyncio.gather(*busy)} == {"slow"}
    late = sorted(at for (model, _), at in came_s.items() if model == "slow")
    assert late[6] >= 0.9, "the seventh comes a second after the burst of six"
    assert late[7] >= 1.9
    broker.close()


async def test_a_queue_longer_than_the_deadline_is_no_fault(
    bench: Workbench, protocol_server: ProtocolServer, tmp_path: Path
) -> None:
    """Eight requests, one a second after the burst, a deadline of less than that: nobody is called out of reach."""
    protocol_server.always(answer("fine"))
    broker = MachineBroker(tmp_path / "broker")
    slow = paced(protocol_server.base_url, "slow", requests_per_minute=60)
    client = bench.client(slow, total_timeout_s=0.9, broker=broker)
    replies = await asyncio.gather(*(bench.ask(client, f"s{n}") for n in range(8)))
    assert len(replies) == len(protocol_server.requests) == 8
    broker.close()
