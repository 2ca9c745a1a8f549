"""Events as sentences for the pages' log. An event is ours, but words in it may quote a candidate, a model or a person:
they are plain text here, and escaped where they are shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from nightforge.domain.base import Frozen, Json
from nightforge.domain.candidate import Event
from nightforge.report.states import reason_words
from nightforge.report.text import brief, clean_line, counted, money, number


class Told(Frozen):
    """One line of the log."""

    sequence: int
    at: datetime
    ordinal: int | None = None
    tone: str = ""
    """`good`, `warn`, `bad` or empty; the word says the same."""
    word: str
    text: str = ""


Words = Callable[[dict[str, Json]], tuple[str, str, str]]
"""Payload → tone, word, text."""


def told(event: Event) -> Told:
    tone, word, text = _SAID.get(event.kind, _other)(event.payload)
    if event.kind not in _SAID:
        word = event.kind.replace(".", " ").replace("_", " ")
    return Told(
        sequence=event.sequence, at=event.at, ordinal=event.ordinal, tone=tone, word=word, text=brief(text, 220)
    )


def _text(payload: dict[str, Json], name: str) -> str:
    value = payload.get(name)
    return "" if value is None else clean_line(str(value))


def _other(payload: dict[str, Json]) -> tuple[str, str, str]:
    return (
        "",
        "",
        ", ".join(f"{key} {clean_line(str(value))}" for key, value in payload.items() if value not in (None, "")),
    )


def _best(payload: dict[str, Json]) -> tuple[str, str, str]:
    score = payload.get("score")
    return "good", "takes the lead", f"at {number(abs(score))}" if isinstance(score, int | float) else ""


def _confirmation(payload: dict[str, Json]) -> tuple[str, str, str]:
    state = _text(payload, "to")
    tone = "good" if state == "confirmed" else "warn"
    return tone, f"re-measured: {state}", _text(payload, "reason").replace("_", " ")


def _state(payload: dict[str, Json]) -> tuple[str, str, str]:
    state = _text(payload, "to")
    tone = {"failed": "bad", "paused": "warn"}.get(state, "")
    return tone, f"campaign {state}", reason_words(_text(payload, "reason"))


def _marked(payload: dict[str, Json]) -> tuple[str, str, str]:
    by = f"by {_text(payload, 'owner')}" if _text(payload, "owner") else ""
    if payload.get("discarded"):
        return "warn", "discarded", by
    return "", "starred" if payload.get("starred") else "marks taken away", by


def _decision(payload: dict[str, Json]) -> tuple[str, str, str]:
    parts = [_text(payload, "reason"), _text(payload, "hint")]
    operator = _text(payload, "operator")
    return "", "planner", " → ".join(part for part in (*parts, operator) if part)


def _hint(payload: dict[str, Json]) -> tuple[str, str, str]:
    by = f" (by {_text(payload, 'owner')})" if _text(payload, "owner") else ""
    return "", f"hint {_text(payload, 'hint')}", f"{_text(payload, 'text')}{by}"


def _note(payload: dict[str, Json]) -> tuple[str, str, str]:
    by = f" (by {_text(payload, 'owner')})" if _text(payload, "owner") else ""
    return "", "note", f"{_text(payload, 'text')}{by}"


def _command(payload: dict[str, Json]) -> tuple[str, str, str]:
    by = f"by {_text(payload, 'author')}" if _text(payload, "author") else ""
    return "", f"asked to {_text(payload, 'command').replace('-', ' ')}", by


def _cheat(payload: dict[str, Json]) -> tuple[str, str, str]:
    by = f"by {_text(payload, 'owner')}" if _text(payload, "owner") else ""
    return ("bad", "marked as a cheat", by) if payload.get("cheat") else ("", "no cheat after all", by)


def _duel(payload: dict[str, Json]) -> tuple[str, str, str]:
    return "", "measured against the leader", _text(payload, "verdict")


def _lost(payload: dict[str, Json]) -> tuple[str, str, str]:
    calls, cost = payload.get("calls"), payload.get("cost_usd")
    many = counted(len(calls), "model call") if isinstance(calls, list) else "model calls"
    paid = f", {money(cost)} booked" if isinstance(cost, int | float) else ""
    return "warn", "lost in a crash", f"{many}{paid}"


def _given_up(payload: dict[str, Json]) -> tuple[str, str, str]:
    return "warn", "given up", f"{_text(payload, 'reason').replace('_', ' ')} {_text(payload, 'detail')}"


def _plain(tone: str, word: str, *names: str) -> Words:
    return lambda payload: (tone, word, ", ".join(text for name in names if (text := _text(payload, name))))


_SAID: dict[str, Words] = {
    "analysis.without_model": _plain("warn", "no model wrote the analysis", "reason"),
    "calls.lost": _lost,
    "campaign.created": _plain("", "planned", "goal"),
    "campaign.plan": _plain("", "plan changed"),
    "campaign.state": _state,
    "candidate.best": _best,
    "candidate.cheat": _cheat,
    "candidate.confirmation": _confirmation,
    "candidate.confirmed": _confirmation,
    "candidate.cut_short": _plain("warn", "cut short", "reason", "detail"),
    "candidate.given_up": _given_up,
    "candidate.marked": _marked,
    "command.posted": _command,
    "confirmation.duel": _duel,
    "control.hint": _hint,
    "control.hint_withdrawn": _plain("", "hint withdrawn", "hint", "owner"),
    "control.note": _note,
    "control.passed_over": _plain("warn", "passed over", "reason"),
    "control.started": _plain("", "process started", "by"),
    "evaluation.again": _plain("warn", "evaluated again", "phase", "reason"),
    "evaluation.void": _plain("warn", "evaluation void", "reason"),
    "evaluator.changed": _plain("warn", "the evaluator changed", "reason"),
    "models.back": _plain("good", "models answer again"),
    "models.gone": _plain("bad", "no model answers", "reason"),
    "planner.decision": _decision,
    "watch.gave_up": _plain("bad", "not restarted any more", "cause"),
    "watch.restarted": _plain("warn", "restarted", "cause"),
}
