"""kill -9 with a call in flight: what was committed is read again, what was not is booked and asked again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from protocol_server import Behaviour, ProtocolServer, Received
from protocol_server.behaviours import answer, hang
from protocol_server.workbench import MESSAGES, Workbench, spec

from nightforge.domain.candidate import Tally
from nightforge.domain.model import CallKey, CallState
from nightforge.domain.words import Role
from nightforge.store import open_store
from tools.budget import BudgetMeter

TESTS = Path(__file__).parents[2]

TWO_CALLS = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from protocol_server.workbench import Workbench, spec

async def main():
    async with Workbench(Path(sys.argv[2])) as bench:
        print(bench.campaign_id, flush=True)
        client = bench.client(spec(sys.argv[3]), request_timeout_s=60, total_timeout_s=60)
        await asyncio.gather(*(bench.ask(client, step) for step in ("done", "in-flight")))

asyncio.run(main())
"""


async def test_kill_9_with_a_call_in_flight(tmp_path: Path, protocol_server: ProtocolServer) -> None:
    def first_answers(received: Received) -> Behaviour:
        return answer("paid") if received.number == 0 else hang()

    protocol_server.handle(first_answers)
    process = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-c", TWO_CALLS, str(TESTS), str(tmp_path), protocol_server.base_url],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    campaign_id = process.stdout.readline().strip()
    protocol_server.wait_for_requests(2, timeout_s=60)
    bench = Workbench(tmp_path)
    store = bench.store = open_store(bench.url, clock=bench.clock)
    try:
        while not any(call.state is CallState.ANSWERED for call in store.calls(campaign_id)):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        protocol_server.always(answer("asked again"))
        in_flight = next(call for call in store.calls(campaign_id) if call.state is CallState.SENT)
        assert await store.book_lost_calls(campaign_id) == 1
        tally: Tally = store.tally(campaign_id)
        assert tally.cost_usd > in_flight.reserved_usd, "the reserve and the paid reply"
        bench.meter = BudgetMeter(bench.plan_budget, spent=tally)
        client = bench.client(spec(protocol_server.base_url))
        texts = {}
        for step in ("done", "in-flight"):
            key = CallKey(campaign_id=campaign_id, step=step, role=Role.CODER)
            reply = await client.complete(key, MESSAGES)  # type: ignore[var-annotated]
            texts[step] = (reply.text, reply.replayed)
        paid = next(step for step, (text, _) in texts.items() if text == "paid")
        assert texts[paid] == ("paid", True)
        assert sorted(texts.values()) == [("asked again", False), ("paid", True)]
        assert len(protocol_server.requests) == 3
        await client.close()
    finally:
        process.kill()
        await store.close()
