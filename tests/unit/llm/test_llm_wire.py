"""The wire format: any bytes give an answer or a reason, never an exception; bounds are bounds."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_server.behaviours import completion
from protocol_server.workbench import spec

from nightforge.domain.model import Message
from tools.llm_errors import LONGEST_QUOTE, Failure, redact
from tools.llm_wire import (
    Answer,
    Dialect,
    messages_json,
    parse_answer,
    parse_usage,
    request_body,
    request_sha,
    tokens_in_bound,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
SPEC = spec("http://127.0.0.1:1/v1")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    assert isinstance(parse_answer(raw), Failure)


@settings(max_examples=300)
@given(content=JSON, finish_reason=JSON, usage=JSON, refusal=JSON, message=JSON, place=st.integers(0, 3))
def test_any_json_in_any_place_is_read_or_refused(
    content: object, finish_reason: object, usage: object, refusal: object, message: object, place: int
) -> None:
    document = completion("x")
    choice = {"message": {"role": "assistant", "content": content, "refusal": refusal}, "finish_reason": finish_reason}
    document["choices"] = [[choice], [message], message, [{"message": message, "finish_reason": "stop"}]][place]
    document["usage"] = usage
    result = parse_answer(json.dumps(document).encode())
    if isinstance(result, Answer):
        assert isinstance(result.text, str)
        assert result.finish_reason
        result.text.encode()


@given(JSON)
def test_any_usage_is_counted_or_unknown(usage: object) -> None:
    read = parse_usage(usage, has_text=True)
    assert read is None or (read.tokens_in > 0 and read.tokens_out > 0 and not read.estimated)


def test_text_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    document = completion("x", message={"content": parts})
    answer = parse_answer(json.dumps(document).encode())
    assert isinstance(answer, Answer)
    assert answer.text == "ab"


def test_the_identity_of_a_request() -> None:
    base = [Message(role="user", content="a")]
    other_role = [Message(role="system", content="a")]
    shas = {
        request_sha(messages_json(base), b""),
        request_sha(messages_json(other_role), b""),
        request_sha(messages_json([*base, *base]), b""),
        request_sha(messages_json(base), b"{}"),
    }
    assert len(shas) == 4
    assert request_sha(messages_json(list(base)), b"") in shas


@given(st.lists(st.text(max_size=50), min_size=1, max_size=4))
def test_the_body_is_json_and_bounds_its_tokens(texts: list[str]) -> None:
    messages = [Message(role="user", content=text) for text in texts]
    body = request_body(SPEC, Dialect(), messages_json(messages), {"response_format": {"type": "json_object"}})
    document = json.loads(body)
    assert [message["content"] for message in document["messages"]] == texts
    assert document["max_tokens"] == 500
    assert document["response_format"] == {"type": "json_object"}
    assert tokens_in_bound(body, len(messages)) >= sum(len(text.encode()) for text in texts)


def test_dialects_end() -> None:
    dialect: Dialect | None = Dialect()
    steps = 0
    while dialect is not None and steps < 10:
        dialect = dialect.without("response_format")
        steps += 1
    assert steps == 4
    swapped = Dialect().without("max_tokens")
    assert swapped is not None
    assert swapped.tokens_name == "max_completion_tokens"
    assert swapped.without("max_tokens") is None


@given(st.text(max_size=2000))
def test_quotes_are_bounded_and_printable(text: str) -> None:
    quote = redact(text, "secret-value")
    assert len(quote) <= LONGEST_QUOTE
    assert not any(ord(character) < 32 or character in "\x7f\u202e\u2066" for character in quote)
    quote.encode()


def test_keys_are_redacted() -> None:
    said = "bad key sk-proj-abc_DEF-12*****9876, Bearer eyJhbGciOi.x, and my-own-secret"
    quote = redact(said, "my-own-secret")
    assert "abc_DEF" not in quote
    assert "eyJhb" not in quote
    assert "my-own" not in quote
