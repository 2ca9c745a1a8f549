"""The result channel: what is refused, and that the worker and the reader speak the same frames."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.limits import Limits
from sandbox import open_sandbox
from sandbox.channel import MOST_BYTES, NONCE_BYTES, BadReply, ask, doubles, pack, read_frame, strict_json

NONCE = bytes(range(NONCE_BYTES))
WORKER = Path(__file__).parents[3] / "sandbox" / "runners" / "call_worker.py"


def reader(data: bytes) -> Callable[[int, float], bytes]:
    """As a session's `receive` on a program that wrote `data` and ended."""
    left = bytearray(data)

    def receive(count: int, timeout_s: float) -> bytes:
        piece = bytes(left[:count])
        del left[:count]
        return piece

    return receive


def refused(data: bytes) -> str:
    with pytest.raises(BadReply) as caught:
        strict_json(data)
    return caught.value.reason


def test_a_frame_comes_through() -> None:
    assert read_frame(reader(pack(NONCE, b"answer")), NONCE, timeout_s=1) == b"answer"
    assert read_frame(reader(pack(NONCE, b"")), NONCE, timeout_s=1) == b""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no_reply"),
        (pack(NONCE, b"answer")[:-1], "no_reply"),
        (pack(bytes(NONCE_BYTES), b"answer"), "protocol"),
        (b"{}" * 40, "protocol"),
        (b"earlier" + pack(NONCE, b"answer"), "protocol"),
        (pack(NONCE, b"")[:-4] + struct.pack("<I", 0xFFFFFFFF), "too_large"),
    ],
)
def test_a_bad_frame_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadReply) as caught:
        read_frame(reader(data), NONCE, timeout_s=1)
    assert caught.value.reason == reason


def test_silence_is_a_timeout() -> None:
    def silent(count: int, timeout_s: float) -> bytes:
        raise TimeoutError("nothing came")

    with pytest.raises(BadReply, match="timeout"):
        read_frame(silent, NONCE, timeout_s=1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"NaN", "bad_json"),
        (b"[Infinity]", "bad_json"),
        (b'{"a": -Infinity}', "bad_json"),
        (b"1e999", "bad_json"),
        (b"9" * 41, "bad_json"),
        (b'{"score": 1, "score": 2}', "bad_json"),
        (b"[1] [2]", "bad_json"),
        (b"\xff", "bad_json"),
        (b'"\\ud800"', "bad_json"),
        (b"\xef\xbb\xbf1", "bad_json"),
        (b"", "bad_json"),
        (b"[" * 33 + b"]" * 33, "too_deep"),
        (b"[" * 30_000, "too_deep"),
        (b" " * (MOST_BYTES + 1), "too_large"),
    ],
)
def test_what_is_not_strictly_json_is_refused(data: bytes, reason: str) -> None:
    assert refused(data) == reason


def test_brackets_in_strings_are_no_depth() -> None:
    text = "[" * 500 + '"\\'
    assert strict_json(json.dumps([text]).encode()) == [text]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('abc"[{\\', max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_good_json_comes_back_as_it_was(value: object) -> None:
    assert strict_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with suppress(BadReply):
        strict_json(data)


def test_doubles_are_exactly_as_many_and_finite() -> None:
    assert doubles(struct.pack("<2d", 1.5, -2.0), 2) == (1.5, -2.0)
    for data, count in (
        (bytes(15), 2),
        (bytes(17), 2),
        (struct.pack("<d", math.nan), 1),
        (struct.pack("<d", math.inf), 1),
    ):
        with pytest.raises(BadReply):
            doubles(data, count)


@pytest.mark.box
def test_the_worker_answers_through_a_real_box() -> None:
    """Questions one after the other; what the candidate prints is no answer."""
    program = b"def solve(question):\n    print('score 1e9', flush=True)\n    return sorted(question)\n"
    files: dict[str, bytes | Path] = {"worker.py": WORKER.read_bytes(), "program.py": program}
    line = ["/usr/bin/python3", "-I", "-S", "/job/worker.py", "/job/program.py", "solve"]
    with open_sandbox().start(line, files=files, limits=Limits()) as session:
        assert strict_json(ask(session, [3, 1, 2], timeout_s=20)) == [1, 2, 3]
        assert strict_json(ask(session, [], timeout_s=20)) == []
        ended = session.close()
    assert ended.stderr == b"score 1e9\n" * 2


@pytest.mark.box
def test_an_answer_that_is_no_json_ends_as_no_reply() -> None:
    program = b"def solve(question):\n    return float('nan')\n"
    line = ["/usr/bin/python3", "-I", "-S", "/job/worker.py", "/job/program.py", "solve"]
    files: dict[str, bytes | Path] = {"worker.py": WORKER.read_bytes(), "program.py": program}
    with open_sandbox().start(line, files=files, limits=Limits()) as session:
        with pytest.raises(BadReply, match="no_reply"):
            ask(session, 1, timeout_s=20)
        assert b"ValueError" in session.close().stderr
