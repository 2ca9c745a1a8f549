"""What a model of mixed quality says to the toy task's roles; plugs into the protocol server."""

from __future__ import annotations

import json
import re
from random import Random

from protocol_server.behaviours import Behaviour, Handler, Received, Texts, answer, by_role, mixed

PROGRAM = re.compile(r"^X = (\d+)$.*?^Y = (\d+)$", re.MULTILINE | re.DOTALL)
GOAL = "map it to one of the tasks"
STEP = "You plan one step of a search"
SHIFT = "a search that improves one program has stood still"
JUDGE = "You judge one candidate"
PROBE = "You answer a short question about the message"
CODE_WORD = re.compile(r"The code word is (\w+)\.")
ANALYST = "You write the prose of a morning report"


def numbers(received: Received) -> tuple[int, int]:
    """The first program of the prompt: the broken one in a repair, else the parent."""
    found = PROGRAM.search(received.messages[-1]["content"])
    assert found is not None, "a coder's prompt shows a program"
    return int(found[1]), int(found[2])


def edit(received: Received, random: Random) -> str:
    """Towards the peak by a step that never lands on a multiple of seven; as an edit or as a whole program."""
    x, y = numbers(received)
    new_x = max(0, min(40, x + random.choice([1, 2, 3, 4, 5])))
    new_x += new_x % 7 == 0
    new_y = max(0, min(40, y + random.randint(-2, 5)))
    if "Give the whole program" in received.prompt:
        return f"NOTE: climb\n```\n# whole\nX = {new_x}\nY = {new_y}\n```"
    blocks = [
        f"<<<<<<< SEARCH\n{name} = {old}\n=======\n{name} = {new}\n>>>>>>> REPLACE"
        for name, old, new in (("X", x, new_x), ("Y", y, new_y))
        if old != new
    ]
    return "NOTE: climb\n" + "\n".join(blocks)


def misfit(received: Received, random: Random) -> str:
    return f"NOTE: try\n<<<<<<< SEARCH\nZ = {random.randint(0, 99)}\n=======\nZ = 1\n>>>>>>> REPLACE"


def wrong(received: Received, random: Random) -> str:
    return f"NOTE: sevens\n```\n# wrong\nX = {random.choice([7, 14, 21, 28, 35])}\nY = {random.randint(0, 40)}\n```"


def prose(received: Received, random: Random) -> str:
    return f"I would suggest to climb the hill by some {random.randint(2, 99)} steps, with care."


def repeat_code_word(received: Received) -> Behaviour:
    """What a model that sees the whole prompt says to a probe."""
    found = CODE_WORD.search(received.prompt)
    return answer(json.dumps({"code_word": found[1] if found else ""}))


def reply_as_team(seed: int, *, delay_s: float = 0.0) -> Handler:
    """Improvements, misfits, wrong outputs and prose in equal parts from the coder; sensible words from the others."""

    def say(document: object) -> Handler:
        return lambda _: answer(json.dumps(document), delay_s=delay_s)

    verdict = {"bottleneck": "height", "next_step": "climb on", "suspicion": "", "summary": "it climbed"}
    return by_role(
        {
            GOAL: say({"task": "toy-peak", "parameters": [], "questions": [], "refusal": "", "notes": []}),
            STEP: say({"operator": "diff", "hint": "go towards larger X", "reason": "the slope points there"}),
            SHIFT: say({"operator": None, "hint": "start from the other side", "reason": "the slope ends here"}),
            JUDGE: say(verdict),
            PROBE: repeat_code_word,
            ANALYST: say({"summary": "The hill was climbed.", "next_steps": ["climb on"], "lessons": ["X matters"]}),
        },
        mixed(seed, Texts(improvement=edit, misfit=misfit, wrong=wrong, prose=prose), delay_s=delay_s),
    )
