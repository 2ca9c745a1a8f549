"""A stand-in for a language model, for `nightforge bench agents`: replies of mixed quality to the shipped tasks.

    python benchmarks/agents_server.py

Prints one JSON line with its base URL, then serves until stdin ends. Its good replies are the tasks' own fast
baselines, so that what it "improves" is known; the rest are an edit that fits nowhere, prose, a program that does not
build, and one that is wrong. A repair is answered with the fast program.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "toy_domain")]

from nightforge_toy.replies import JUDGE, PROBE, repeat_code_word
from protocol_server import ProtocolServer
from protocol_server.behaviours import Behaviour, Received, answer

from nightforge.catalogue import shipped_tasks
from nightforge.domain.task import Task

CODER = "You are the coder"
PLANNER = "map it to one of the tasks"
REPAIR = "Mend the failing program"
KINDS = ("fast", "misfit", "fast", "prose", "broken", "wrong")
COUNT = itertools.count()
TASKS = shipped_tasks()
VERDICT = {"bottleneck": "memory traffic", "next_step": "fewer passes", "suspicion": "", "summary": "one change"}


def task_of(received: Received) -> Task:
    """The one whose brief stands in the prompt."""
    return next(task for task in TASKS if task.read(task.brief).strip().splitlines()[0] in received.prompt)


def plan(received: Received) -> Behaviour:
    """The task most of whose keywords stand in the goal as words of their own; the first of equals."""
    goal = received.messages[-1]["content"]

    def shared(task: Task) -> int:
        return sum(
            re.search(rf"(?<!\w){re.escape(word)}(?!\w)", goal, re.IGNORECASE) is not None for word in task.keywords
        )

    best = max(TASKS, key=shared)
    named = best.name if shared(best) else None
    refusal = "" if named else "no task has this operation"
    return answer(json.dumps({"task": named, "parameters": [], "questions": [], "refusal": refusal, "notes": []}))


def write(received: Received) -> Behaviour:
    task = task_of(received)
    kind = "fast" if REPAIR in received.prompt else KINDS[next(COUNT) % len(KINDS)]
    fast = task.read("c_fast.c")
    texts = {
        "fast": f"NOTE: one pass that the compiler can vectorise\n```c\n{fast}\n```",
        "misfit": "NOTE: unroll\n<<<<<<< SEARCH\nno such line;\n=======\nnor this;\n>>>>>>> REPLACE",
        "prose": "I would suggest to unroll the loop and to keep an eye on the cache.",
        "broken": f"NOTE: smaller\n```c\n{fast.replace('return 0;', 'return 0')}\n```",
        "wrong": f"NOTE: less work\n```c\n{fast.replace('< n;', '< n / 2;')}\n```",
    }
    return answer(texts[kind])


def reply(received: Received) -> Behaviour:
    system = received.messages[0]["content"]
    if PROBE in system:
        return repeat_code_word(received)
    if PLANNER in system:
        return plan(received)
    return answer(json.dumps(VERDICT)) if JUDGE in system else write(received)


async def serve() -> None:
    server = ProtocolServer(keep_requests=False)
    server.handle(reply)

    def started() -> None:
        print(json.dumps({"base_url": server.base_url}), flush=True)

    running = asyncio.create_task(server.run(started))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    await running


if __name__ == "__main__":
    asyncio.run(serve())
