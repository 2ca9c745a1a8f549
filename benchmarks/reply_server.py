"""A model in a process of its own: each coder reply is a new whole program of the toy task.

    python benchmarks/reply_server.py [seconds before each reply [most seconds before each reply]]

Prints one JSON line with its base URL, then serves until stdin ends.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import sys
from pathlib import Path
from random import Random

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "toy_domain")]

from nightforge_toy.replies import JUDGE, STEP, reply_as_team
from protocol_server import ProtocolServer
from protocol_server.behaviours import Behaviour, Received, after, answer

COUNT = itertools.count()
NUMBERS = Random(1)
ONCE = secrets.token_hex(4)
"""In every program: no campaign in the same database has evaluated it before."""
SHIFT = "You are called because a search"
STEP_REPLY = answer('{"operator": "full", "hint": "go on", "reason": ""}')
JUDGE_REPLY = answer('{"bottleneck": "height", "next_step": "climb", "suspicion": "", "summary": "climbed"}')
OTHERS = reply_as_team(0)


def reply(received: Received) -> Behaviour:
    system = received.messages[0]["content"]
    if system.startswith("You are the coder"):
        number = next(COUNT)
        x, y = 1 + number % 6, number % 41
        # Numbers of its own: a search that looks at shape and likeness finds none of them stale.
        own = " ".join(str(NUMBERS.randrange(10**6)) for _ in range(12))
        return answer(f"NOTE: number {number}\n```\n# program {number} {ONCE}\nX = {x}\nY = {y}\nSALT {own}\n```")
    if STEP in system or system.startswith(SHIFT):
        return STEP_REPLY
    return JUDGE_REPLY if JUDGE in system else OTHERS(received)


async def serve(least_s: float, most_s: float) -> None:
    server = ProtocolServer(keep_requests=False)
    random = Random(0)
    server.handle(lambda received: after(random.uniform(least_s, most_s), reply(received)))

    def started() -> None:
        print(json.dumps({"base_url": server.base_url}), flush=True)

    running = asyncio.create_task(server.run(started))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    await running


if __name__ == "__main__":
    delays = [float(word) for word in sys.argv[1:3]] or [0.0]
    asyncio.run(serve(delays[0], delays[-1]))
