"""The way results leave a box: framed, tied to the question by a nonce, capped, strict; never an object that runs.

What comes through it is a claim of the candidate's process and no more: the nonce ties a reply to its question (a
reply that was written before the question, or twice, or to another one, is refused), it does not make the reply
true. Answers are checked, timed and scored by the reader. Every failure is `BadReply`, the candidate's failure.

Frame: `NF1\\0`, 16 bytes of nonce, uint32 length (little-endian), the payload.
"""

from __future__ import annotations

import json
import math
import secrets
import struct
from collections.abc import Callable
from typing import NoReturn

from nightforge.domain.base import Json
from nightforge.domain.ports import SandboxSession

NONCE_BYTES = 16
MOST_BYTES = 64 * 1024
MOST_DEPTH = 32
MOST_DIGITS = 40
"""Of one number: enough for every double and every 128-bit integer."""

_HEAD = struct.Struct(f"<4s{NONCE_BYTES}sI")
_MAGIC = b"NF1\0"
_OPENING, _CLOSING, _QUOTE, _BACKSLASH = b"[{", b"]}", ord('"'), ord("\\")


class BadReply(Exception):
    """What a candidate's process sent is no answer. `reason` is a word for the evidence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def pack(nonce: bytes, payload: bytes) -> bytes:
    """A frame as both sides write it."""
    return _HEAD.pack(_MAGIC, nonce, len(payload)) + payload


def read_frame(
    receive: Callable[[int, float], bytes], nonce: bytes, *, timeout_s: float, most_bytes: int = MOST_BYTES
) -> bytes:
    """One frame's payload. `receive(count, timeout_s)` gives fewer bytes only at the end, and raises TimeoutError.

    Raises BadReply; nothing of a frame that claims more than `most_bytes` is read.
    """
    try:
        head = receive(_HEAD.size, timeout_s)
        if len(head) < _HEAD.size:
            raise BadReply("no_reply", f"{len(head)} of {_HEAD.size} bytes of a frame's head came")
        magic, returned, length = _HEAD.unpack(head)
        if magic != _MAGIC:
            raise BadReply("protocol", "what came is no frame")
        if not secrets.compare_digest(returned, nonce):
            raise BadReply("protocol", "the reply does not belong to the question")
        if length > most_bytes:
            raise BadReply("too_large", f"a reply of {length} bytes; {most_bytes} are allowed")
        payload = receive(length, timeout_s) if length else b""
    except TimeoutError as late:
        raise BadReply("timeout", str(late)) from late
    if len(payload) < length:
        raise BadReply("no_reply", f"{len(payload)} of {length} bytes came")
    return payload


def ask(session: SandboxSession, question: Json, *, timeout_s: float, most_bytes: int = MOST_BYTES) -> bytes:
    """Send a question under a fresh nonce to a program such as runners/call_worker.py; its answer's payload.

    Raises BadReply. What was written before the question stands in the way of the answer, and is refused.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    session.send(pack(nonce, json.dumps(question, allow_nan=False).encode()))
    return read_frame(session.receive, nonce, timeout_s=timeout_s, most_bytes=most_bytes)


def strict_json(data: bytes, *, most_bytes: int = MOST_BYTES, most_depth: int = MOST_DEPTH) -> Json:
    """JSON as the standard has it, within bounds: no NaN or infinity, no number beyond a double or of more than
    `MOST_DIGITS` digits, no name twice, no half of a surrogate pair, no byte after the end. Raises BadReply."""
    if len(data) > most_bytes:
        raise BadReply("too_large", f"{len(data)} bytes of JSON; {most_bytes} are allowed")
    if _depth(data) > most_depth:
        raise BadReply("too_deep", f"JSON nested deeper than {most_depth}")
    try:
        value: Json = json.loads(
            data.decode("utf-8", "strict"),
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_real,
            object_pairs_hook=_unique,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadReply("bad_json", str(error)[:200]) from None
    return value


def doubles(data: bytes, count: int) -> tuple[float, ...]:
    """Exactly `count` little-endian doubles, all finite; raises BadReply."""
    if len(data) != 8 * count:
        raise BadReply("wrong_size", f"{len(data)} bytes are not {count} doubles")
    values: tuple[float, ...] = struct.unpack(f"<{count}d", data)
    if not all(map(math.isfinite, values)):
        raise BadReply("not_finite", "a number is infinite or none")
    return values


def _depth(data: bytes) -> int:
    """Deepest nesting of brackets outside strings, counted before a recursive parser sees the text."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            if escaped:
                escaped = False
            elif byte == _BACKSLASH:
                escaped = True
            elif byte == _QUOTE:
                in_string = False
        elif byte == _QUOTE:
            in_string = True
        elif byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _real(text: str) -> float:
    value = float(text) if len(text) <= MOST_DIGITS else math.inf
    if not math.isfinite(value):
        raise ValueError("a number that no double holds")
    return value


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
