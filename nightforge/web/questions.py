"""What is asked before what cannot simply be taken back: in a dialog where scripts run, on a page where they do not."""

from __future__ import annotations

from typing import Literal

from nightforge.domain.base import Frozen

Asked = Literal["stop", "stop-now", "withdraw-plan", "discard", "cheat"]
SAID_YES = "sure"
"""The field of a form that was asked already."""


class Question(Frozen):
    title: str
    text: str
    yes: str
    """Word of the button that does it."""


QUESTIONS: dict[Asked, Question] = {
    "stop": Question(
        title="Stop this campaign?",
        text="What is in flight is finished, the best are confirmed and the report is written. It can go on later.",
        yes="Stop",
    ),
    "stop-now": Question(
        title="Stop this campaign now?",
        text="What is in flight is given up, nothing more is confirmed. What was measured stays; it can go on later.",
        yes="Stop now",
    ),
    "withdraw-plan": Question(
        title="Withdraw this plan?",
        text="It ends before it began. Nothing was spent; the goal can be given again.",
        yes="Withdraw",
    ),
    "discard": Question(
        title="Discard this candidate?",
        text="It will never be a parent again, and leaves the ranking. This can be taken back.",
        yes="Discard",
    ),
    "cheat": Question(
        title="Mark this candidate as a cheat?",
        text="It is discarded too, and the mark stands beside its number. This can be taken back.",
        yes="Mark as a cheat",
    ),
}
