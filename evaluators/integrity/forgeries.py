"""Programs whose answers are forged, made from an honest Python program by wrapping what it defines.

They stand for what evaluators in use were seen to let pass: instances changed in the hands of the program that solves
them, machines that do not exist, schedules with most of the work left out, a makespan that is claimed instead of
computed (and negative). The program stays as it is, and only what leaves its functions changes: a forged program runs
wherever the honest one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

MARK = "FORGERY_MARK"
"""Environment variable: the file that a forged program leaves once it has really changed something."""
_FORGER = Path(__file__).with_name("forger.py")


@dataclass(frozen=True)
class Forgery:
    name: str
    """As in `forger.FORGES`."""
    title: str
    """What is forged, as a person would say it of an answer."""
    hole: str
    """What an evaluator that is taken in does not do."""
    same_is_right: bool = False
    """The answer itself is left as it is: an evaluator that keeps its own instance and computes its own numbers rightly
    gives the same score."""

    def program(self, source: str) -> str:
        """`source` with its answers forged."""
        return (
            f"{source.rstrip()}\n\n\n"
            "# What follows was appended by `nightforge task check`: is a forged answer noticed?\n"
            '_nightforge_space = {"__name__": "nightforge_forger"}\n'
            f'exec(compile({_forger()!r}, "forger", "exec"), _nightforge_space)\n'
            f'_nightforge_space["install"](globals(), {self.name!r}, {MARK!r})\n'
        )


@cache
def _forger() -> str:
    return _FORGER.read_text(encoding="utf-8")


_CLAIM = "it believes a number that the program claims, and does not compute it from the answer"
_WHOLE = "it does not check that the answer is whole"
_MUTATED = "it scores with the objects that it gave to the program, and not with a copy of its own"
_RANGE = "it does not check the range of the answer's numbers"

FORGERIES = (
    Forgery(
        "instance-small", "the numbers of the received instance are made tiny, in place", _MUTATED, same_is_right=True
    ),
    Forgery(
        "instance-large",
        "the numbers of the received instance are made a thousandfold, in place",
        _MUTATED,
        same_is_right=True,
    ),
    Forgery(
        "machines",
        "every item gets a machine of its own, whether there is one or not",
        "it does not compare the machines of the answer with those that exist",
    ),
    Forgery("beyond", "every whole number of the answer is a million more", _RANGE),
    Forgery("short", "only the first part of the answer is given", _WHOLE),
    Forgery("empty", "the answer's collections are empty", _WHOLE),
    Forgery("short-zero", "only the first part is given, and its cost is claimed to be 0", f"{_WHOLE}; {_CLAIM}"),
    Forgery(
        "short-negative", "only the first part is given, and its cost is claimed to be -0.999999", f"{_WHOLE}; {_CLAIM}"
    ),
    Forgery("claim-zero", "the claimed number is 0", _CLAIM, same_is_right=True),
    Forgery("claim-negative", "the claimed number is -0.999999, a makespan below nothing", _CLAIM, same_is_right=True),
    Forgery("claim-large", "the claimed number is 10^9", _CLAIM, same_is_right=True),
    Forgery("negative", "every number of the answer is turned below zero", _RANGE),
    Forgery("nan", "every number of the answer is NaN", "it does not look for NaN, which is neither more nor less"),
)
