"""What one run came to: did the attack run, and was its effect seen."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from attack_pack.manifest import Attack, Effect
from attack_pack.sampling import Peaks

Seen = Mapping[str, Any]
_WATCHED = {
    *(Effect.PROCESSES, Effect.MEMORY, Effect.WRITTEN, Effect.INODES, Effect.HOLDS, Effect.NAMESPACE, Effect.ROOT),
    *(Effect.RLIMIT, Effect.PRIORITY, Effect.RAW, Effect.KEYS),
}
"""Effects that show only on live processes: nothing seen proves nothing unless the processes were seen."""


class Finding(BaseModel):
    """One attack on one platform, as the observer saw it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attack: str
    tier: str
    ran: bool
    """The program reached its attempt: it said its nonce, was seen while the platform waited, or killed it."""
    worked: bool
    detail: str
    elapsed_s: float


def judge(attack: Attack, tier: str, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> Finding:
    """The finding of one run. `reply` is the platform's, None when it gave none."""
    out = b""
    if reply is not None:
        out = base64.b64decode(reply["stdout"]) + base64.b64decode(reply["stderr"])
    if attack.effect in _WATCHED and not seen["peaks"].seen:
        return Finding(
            attack=attack.name,
            tier=tier,
            ran=False,
            worked=False,
            detail="the observer never saw a process of it",
            elapsed_s=seen["elapsed_s"],
        )
    died = seen["platform_dead"] and attack.effect is Effect.VICTIM
    ran = nonce.encode() in out or died or (reply is None and bool(seen["peaks"].seen))
    worked, detail = _EFFECTS[attack.effect](attack, nonce, reply, seen)
    end = reply.get("end", "") if reply is not None else "no reply"
    words = f"{detail}; {end}"
    if not ran:
        words += "; said: " + out[-300:].decode(errors="replace")
    return Finding(
        attack=attack.name,
        tier=tier,
        ran=ran,
        worked=worked,
        detail=words,
        elapsed_s=seen["elapsed_s"],
    )


def _above(name: str, unit: str) -> Callable[..., tuple[bool, str]]:
    def look(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
        peaks: Peaks = seen["peaks"]
        value = getattr(peaks, name)
        return value > attack.above, f"{value:.0f} {unit}"

    return look


def _flag(name: str, words: str) -> Callable[..., tuple[bool, str]]:
    def look(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
        peaks: Peaks = seen["peaks"]
        found = bool(getattr(peaks, name))
        return found, words if found else f"not {words}"

    return look


def _listed(name: str, words: str) -> Callable[..., tuple[bool, str]]:
    def look(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
        return bool(seen[name]), f"{words}: {', '.join(seen[name]) or 'none'}"

    return look


def _seen(name: str, words: str) -> Callable[..., tuple[bool, str]]:
    def look(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
        return bool(seen[name]), words if seen[name] else f"not {words}"

    return look


def _output(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    count = reply["output_bytes"] if reply is not None else 0
    return count > attack.above, f"{count} bytes taken"


def _late(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    return seen["elapsed_s"] > attack.above, f"a result after {seen['elapsed_s']:.1f} s"


def _survives(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    return seen["survivors"] > 0, f"{seen['survivors']} processes lived on"


def _victim(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    peaks: Peaks = seen["peaks"]
    harm = [word for word in ("platform_dead", "bystander_dead", "stopped") if seen[word]]
    harm += ["traced"] if peaks.traced else []
    harm += ["neighbour ended"] if reply is not None and not reply["beside_ok"] else []
    return bool(harm), f"victims: {', '.join(harm) or 'unharmed'}"


def _holds(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    held = sorted(link for link in seen["peaks"].links if attack.pattern in link)
    return bool(held), f"held {', '.join(held) or 'nothing of the kind'}"


def _namespace(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    count = len(seen["peaks"].namespaces)
    return count > 1, f"{count} sets of namespaces"


def _rlimit(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    value = seen["peaks"].open_files
    return value > attack.above, f"limit of open files {value}"


def _priority(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    value = seen["peaks"].nice
    return value < 0, f"nice {value}"


def _node(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    words = (["device node"] if seen["peaks"].node else []) + (["set-uid file on the host"] if seen["setuid"] else [])
    return bool(words), ", ".join(words) or "no node, no set-uid file"


def _accepted(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    if reply is None:
        return False, "no reply"
    text = json.dumps(reply["accepted"])
    forged = any(word in text for word in (nonce, "NaN", "Infinity", "forged"))
    return forged, f"accepted {text[:80]}; refused: {reply.get('refused', '')}"[:200]


def _shown(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    shown: bytes = seen["shown"]
    steered = any(mark + nonce.encode() in shown for mark in (b"\x1b]0;", b"\xc2\x9d0;", b"\x9d0;"))
    return steered, "a control sequence on the terminal" if steered else "no control sequence on the terminal"


def _markup(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    page = str(reply["accepted"]) if reply is not None else ""
    unescaped = re.sub(r"\\.", "", page)
    return attack.pattern.replace("{nonce}", nonce) in unescaped, f"on the page: {page[:80]!r}"


def _crashed(attack: Attack, nonce: str, reply: Mapping[str, Any] | None, seen: Seen) -> tuple[bool, str]:
    if reply is None:
        return True, "the platform gave no result"
    return bool(reply["crashed"]), reply["crashed"] or f"refused: {reply.get('refused', '')}"


_EFFECTS: Mapping[Effect, Callable[[Attack, str, Mapping[str, Any] | None, Seen], tuple[bool, str]]] = {
    Effect.PROCESSES: _above("processes", "processes at once"),
    Effect.MEMORY: _above("memory_mib", "MiB of memory"),
    Effect.WRITTEN: _above("written_mib", "MiB written"),
    Effect.INODES: _above("inodes", "files"),
    Effect.OUTPUT: _output,
    Effect.LATE: _late,
    Effect.SURVIVES: _survives,
    Effect.SECRET: _listed("secrets", "secrets"),
    Effect.KNOCK: _listed("knocks", "reached"),
    Effect.CHANGED: _listed("changed", "changed"),
    Effect.VICTIM: _victim,
    Effect.TERMINAL: _seen("typed", "typed into the terminal"),
    Effect.SHOWN: _shown,
    Effect.MARKUP: _markup,
    Effect.CLOCK: _seen("clock_set", "clock set"),
    Effect.HOLDS: _holds,
    Effect.NAMESPACE: _namespace,
    Effect.ROOT: _flag("rooted", "root or capable"),
    Effect.RLIMIT: _rlimit,
    Effect.PRIORITY: _priority,
    Effect.NODE: _node,
    Effect.RAW: _flag("raw", "raw socket held"),
    Effect.KEYS: _flag("keys", "key in the keyring"),
    Effect.LEFTOVER: _listed("leftovers", "left"),
    Effect.ACCEPTED: _accepted,
    Effect.CRASHED: _crashed,
}
