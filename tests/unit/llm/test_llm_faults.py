"""21 faults of chat-completions endpoints, numbered, each over real HTTP."""

from __future__ import annotations

import asyncio
import socket
import time
import tracemalloc

import pytest
from protocol_server import Behaviour, ProtocolServer
from protocol_server.behaviours import (
    answer,
    cut_body,
    cut_stream,
    document,
    drip,
    error,
    event_stream_cut,
    gzip_bomb,
    gzipped,
    hang,
    huge_body,
    raw,
    redirect,
    reset,
)
from protocol_server.workbench import Workbench, spec

from nightforge.domain.model import CallState
from nightforge.errors import ModelAccessRefused, ModelFault
from tools.llm import UnusableReply

FINE = answer("fine")


async def retried(
    bench: Workbench, server: ProtocolServer, bad: Behaviour, slug: str, *, booked: str, request_timeout_s: float = 10.0
) -> None:
    """`bad` costs one failed attempt and a second one is answered.

    `booked`: what the failed attempt costs: `nothing`, the `reserve`, or its reported `usage`.
    """
    server.script(bad, FINE)
    reply = await bench.ask(bench.client(spec(server.base_url), request_timeout_s=request_timeout_s))
    assert reply.text == "fine"
    failed, answered = bench.calls()
    assert (failed.state, answered.state) == (CallState.FAILED, CallState.ANSWERED)
    assert failed.error.startswith(f"{slug}:"), failed.error
    assert failed.request_sha == answered.request_sha
    cost = {"nothing": 0.0, "reserve": failed.reserved_usd, "usage": 100 * 1e-6 + 20 * 2e-6}[booked]
    assert failed.cost_usd == pytest.approx(cost)
    assert failed.usage.estimated == (booked == "reserve")
    assert reply.cost_usd == pytest.approx(failed.cost_usd + answered.cost_usd)
    assert bench.store.tally(bench.campaign_id).cost_usd == pytest.approx(reply.cost_usd)
    assert bench.meter.spent.cost_usd == pytest.approx(reply.cost_usd)
    assert bench.meter.reserved.picodollars == 0


async def test_row_1_rate_limit_pauses_all_workers(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(error(429, headers={"retry-after": "1"}), *[FINE] * 4)
    client = bench.client(spec(protocol_server.base_url), max_concurrent_calls=1)
    replies = await asyncio.gather(*(bench.ask(client, f"s{number}") for number in range(4)))
    assert [reply.text for reply in replies] == ["fine"] * 4
    assert len(protocol_server.requests) == 5, "nobody else ran into the same limit"
    assert all(0.5 < slept <= 1.0 for slept in bench.clock.slept)
    assert len(bench.clock.slept) == 4
    assert bench.calls()[0].cost_usd == 0.0


async def test_row_2_a_long_retry_after_is_not_sat_out(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(error(429, "come back later", headers={"retry-after": "3600"}))
    with pytest.raises(ModelFault, match=r"3600|36\d\d|359\d") as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert caught.value.retryable
    assert "come back later" in str(caught.value)
    assert len(protocol_server.requests) == 1
    assert bench.clock.slept == []


async def test_row_2_a_long_retry_after_routes_elsewhere(bench: Workbench) -> None:
    with ProtocolServer() as busy, ProtocolServer() as free:
        busy.always(error(429, headers={"retry-after": "3600"}))
        free.always(FINE)
        client = bench.client(spec(busy.base_url, model="busy"), spec(free.base_url, model="free"))
        for number in range(5):
            assert (await bench.ask(client, f"s{number}")).model == "free"
        assert len(busy.requests) == 1


@pytest.mark.parametrize("field", ["code", "kind"])
async def test_row_3_exhausted_quota_is_final(bench: Workbench, protocol_server: ProtocolServer, field: str) -> None:
    said = {field: "insufficient_quota"}
    protocol_server.always(error(429, "You exceeded your current quota", **said))  # type: ignore[arg-type]
    with pytest.raises(ModelAccessRefused, match="quota") as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert "credit" in caught.value.hint
    assert len(protocol_server.requests) == 1


@pytest.mark.parametrize(("status", "booked"), [(500, "nothing"), (503, "nothing"), (408, "nothing"), (502, "reserve")])
async def test_row_4_a_server_error_is_retried(
    bench: Workbench, protocol_server: ProtocolServer, status: int, booked: str
) -> None:
    await retried(bench, protocol_server, error(status), "server_error", booked=booked)


async def test_row_4_a_server_that_stays_down(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(error(503, "overloaded"))
    with pytest.raises(ModelFault, match="overloaded") as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url), total_timeout_s=600))
    assert caught.value.retryable
    assert 5 <= len(protocol_server.requests) <= 8
    waits = bench.clock.slept
    assert max(waits) >= 10, "the circuit breaker leaves the endpoint alone"


@pytest.mark.parametrize(("status", "code"), [(401, "invalid_api_key"), (403, ""), (404, "model_not_found")])
async def test_row_5_a_wrong_key_or_model_is_final(
    bench: Workbench, protocol_server: ProtocolServer, status: int, code: str
) -> None:
    protocol_server.always(error(status, "Incorrect API key provided: sk-proj-abcDEF123456", code=code))
    with pytest.raises(ModelAccessRefused) as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert "abcDEF" not in str(caught.value)
    assert str(status) in str(caught.value)
    assert caught.value.hint
    assert len(protocol_server.requests) == 1


CONTEXT_ERRORS = [
    {"code": "context_length_exceeded", "message": "This model's maximum context length is 8192 tokens."},
    {"message": "the request exceeds the available context size (n_ctx=4096)"},
    {"message": "prompt is too long: 210000 tokens > 200000 maximum"},
]


@pytest.mark.parametrize("said", CONTEXT_ERRORS)
async def test_row_6_context_length(bench: Workbench, protocol_server: ProtocolServer, said: dict[str, str]) -> None:
    protocol_server.always(document({"error": said}, status=400))
    with pytest.raises(UnusableReply) as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert caught.value.reason == "context_length"
    assert "context" in caught.value.hint
    assert len(protocol_server.requests) == 1


async def test_row_6_a_larger_model_takes_the_long_prompt(bench: Workbench) -> None:
    with ProtocolServer() as small, ProtocolServer() as large:
        small.always(error(400, "maximum context length", code="context_length_exceeded"))
        large.always(FINE)
        client = bench.client(spec(small.base_url, model="small"), spec(large.base_url, model="large"))
        assert (await bench.ask(client, "long")).model == "large"
        small.always(FINE)
        assert (await bench.ask(client, "short")).model == "small"


async def test_row_7_a_hang_ends_and_is_retried(bench: Workbench, protocol_server: ProtocolServer) -> None:
    began = time.monotonic()
    await retried(bench, protocol_server, hang(), "timeout", booked="reserve", request_timeout_s=1.0)
    assert 0.9 < time.monotonic() - began < 8


async def test_row_7_a_model_that_is_too_slow_is_not_paid_for_ever(
    bench: Workbench, protocol_server: ProtocolServer
) -> None:
    protocol_server.always(hang())
    client = bench.client(spec(protocol_server.base_url), request_timeout_s=0.5)
    with pytest.raises(ModelFault) as caught:
        await bench.ask(client)
    assert "request_timeout_s" in caught.value.hint
    assert len(protocol_server.requests) == 2


async def test_row_7_the_total_deadline_ends_it(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(hang())
    began = time.monotonic()
    client = bench.client(spec(protocol_server.base_url), request_timeout_s=10.0, total_timeout_s=1.0)
    bench.clock.sleep = asyncio.sleep  # type: ignore[method-assign, assignment]
    with pytest.raises(ModelFault, match="1 s") as caught:
        await bench.ask(client)
    assert caught.value.retryable
    assert 0.9 < time.monotonic() - began < 8
    assert {call.state for call in bench.calls()} == {CallState.FAILED}


async def test_row_8_a_slow_drip_ends(bench: Workbench, protocol_server: ProtocolServer) -> None:
    began = time.monotonic()
    await retried(bench, protocol_server, drip(interval_s=0.05), "timeout", booked="reserve", request_timeout_s=1.0)
    assert time.monotonic() - began < 8, "no single read was slow, the whole was"


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (b'{"id": "x", "choices": [', "malformed"),
        (b"", "empty_body"),
        (b"null", "malformed"),
        (b'"text"', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"choices": NaN', "malformed"),
    ],
)
async def test_row_9_malformed_json(bench: Workbench, protocol_server: ProtocolServer, body: bytes, slug: str) -> None:
    await retried(bench, protocol_server, raw(body), slug, booked="reserve")


async def test_row_10_a_web_page_with_200(bench: Workbench, protocol_server: ProtocolServer) -> None:
    page = raw(b"<!DOCTYPE html><html>log in</html>", content_type="text/html")
    await retried(bench, protocol_server, page, "web_page", booked="reserve")


@pytest.mark.parametrize(
    ("value", "slug", "booked"),
    [
        ({"choices": []}, "no_choices", "reserve"),
        ({"choices": None}, "no_choices", "reserve"),
        ({"choices": [None]}, "no_choices", "reserve"),
        ({"choices": [{"finish_reason": "stop"}]}, "no_choices", "reserve"),
        ({"choices": "many"}, "no_choices", "reserve"),
        ({}, "no_choices", "reserve"),
        ({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}, "no_choices", "usage"),
        ({"error": {"message": "overloaded"}}, "error_with_200", "nothing"),
        ({"error": "overloaded", "choices": []}, "error_with_200", "nothing"),
    ],
)
async def test_row_11_no_choices_or_an_error_with_200(
    bench: Workbench, protocol_server: ProtocolServer, value: object, slug: str, booked: str
) -> None:
    await retried(bench, protocol_server, document(value), slug, booked=booked)


@pytest.mark.parametrize(
    "bad",
    [
        answer(None),
        answer(""),
        answer("  \n"),
        answer(None, message={"reasoning_content": "let me think"}),
        answer("<think>only thoughts</think>"),
        answer("<think>thoughts without end"),
    ],
)
async def test_row_12_no_text(bench: Workbench, protocol_server: ProtocolServer, bad: Behaviour) -> None:
    await retried(bench, protocol_server, bad, "no_text", booked="usage")


@pytest.mark.parametrize(
    "bad", [answer("half of", finish_reason="content_filter"), answer(None, message={"refusal": "I cannot help."})]
)
async def test_row_12_a_refusal_is_not_asked_again(
    bench: Workbench, protocol_server: ProtocolServer, bad: Behaviour
) -> None:
    protocol_server.always(bad)
    with pytest.raises(UnusableReply) as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert caught.value.reason == "refused"
    assert bench.calls()[0].cost_usd == pytest.approx(140e-6), "a refusal is billed"
    with pytest.raises(UnusableReply, match=str(caught.value.what)):
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert len(protocol_server.requests) == 1, "also not after a resume"


async def test_row_13_a_cut_answer_is_never_used(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(answer("int main() { return 0; }", finish_reason="length"))
    with pytest.raises(UnusableReply) as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert caught.value.reason == "truncated"
    assert "max_output_tokens" in caught.value.hint
    (call,) = bench.calls()
    assert (call.state, call.finish_reason) == (CallState.ANSWERED, "length")
    assert call.cost_usd == pytest.approx(140e-6)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "unknown",
        [],
        {},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": 100},
        {"prompt_tokens": -5, "completion_tokens": 20},
        {"prompt_tokens": 10.5, "completion_tokens": 20},
        {"prompt_tokens": True, "completion_tokens": True},
        {"prompt_tokens": 10**30, "completion_tokens": 20},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": 100, "completion_tokens": 0},
        {"prompt_tokens": "many", "completion_tokens": "few"},
    ],
)
async def test_row_14_unknown_usage_books_the_reserve(
    bench: Workbench, protocol_server: ProtocolServer, usage: object
) -> None:
    protocol_server.script(answer("fine", usage=usage))
    reply = await bench.ask(bench.client(spec(protocol_server.base_url)))
    (call,) = bench.calls()
    assert reply.text == "fine"
    assert reply.usage.estimated
    assert reply.cost_usd == pytest.approx(call.reserved_usd)
    assert bench.meter.spent.cost_usd == pytest.approx(call.reserved_usd)


async def test_row_14_usage_in_strings_is_understood(bench: Workbench, protocol_server: ProtocolServer) -> None:
    usage = {"prompt_tokens": "30", "completion_tokens": 4.0, "prompt_tokens_details": {"cached_tokens": "10"}}
    protocol_server.script(answer("fine", usage=usage))
    reply = await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert (reply.usage.tokens_in, reply.usage.tokens_out, reply.usage.tokens_cached) == (30, 4, 10)
    assert not reply.usage.estimated


async def test_row_15_a_huge_reply_is_cut_off(bench: Workbench, protocol_server: ProtocolServer) -> None:
    tracemalloc.start()
    try:
        await retried(bench, protocol_server, huge_body(64), "too_large", booked="reserve")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20


async def test_row_15_a_gzip_bomb_is_cut_off(bench: Workbench, protocol_server: ProtocolServer) -> None:
    bomb = gzip_bomb(256)
    tracemalloc.start()
    try:
        await retried(bench, protocol_server, bomb, "too_large", booked="reserve")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20


async def test_row_15_an_honest_gzip_reply_is_read(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(gzipped("packed"))
    reply = await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert reply.text == "packed"
    assert protocol_server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["br", "gzip", "deflate"])
async def test_row_15_a_reply_in_a_foreign_or_broken_encoding(
    bench: Workbench, protocol_server: ProtocolServer, encoding: str
) -> None:
    bad = raw(b"\x0b\x02\x80not what it says", headers={"content-encoding": encoding})
    await retried(bench, protocol_server, bad, "broken", booked="reserve")


async def test_row_16_invalid_utf8(bench: Workbench, protocol_server: ProtocolServer) -> None:
    await retried(bench, protocol_server, raw(b'{"choices": "\xff\xfe"}'), "malformed", booked="reserve")


@pytest.mark.parametrize("after_head", [False, True])
async def test_row_17_a_reset(bench: Workbench, protocol_server: ProtocolServer, after_head: bool) -> None:
    await retried(bench, protocol_server, reset(after_head=after_head), "broken", booked="reserve")


@pytest.mark.parametrize("bad", [cut_body(), cut_stream()])
async def test_row_18_a_body_that_ends_early(bench: Workbench, protocol_server: ProtocolServer, bad: Behaviour) -> None:
    await retried(bench, protocol_server, bad, "broken", booked="reserve")


@pytest.mark.parametrize("reason", [None, ""])
async def test_row_18_no_finish_reason_is_a_cut_reply(
    bench: Workbench, protocol_server: ProtocolServer, reason: str | None
) -> None:
    bad = answer("int main(", finish_reason=reason)
    await retried(bench, protocol_server, bad, "no_finish_reason", booked="usage")


async def test_row_19_an_event_stream_nobody_asked_for(bench: Workbench, protocol_server: ProtocolServer) -> None:
    await retried(bench, protocol_server, event_stream_cut(), "event_stream", booked="reserve")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_row_20_a_redirect_is_not_followed(
    bench: Workbench, protocol_server: ProtocolServer, status: int
) -> None:
    with ProtocolServer() as elsewhere:
        protocol_server.always(redirect(f"{elsewhere.base_url}/chat/completions", status=status))
        elsewhere.always(FINE)
        with pytest.raises(ModelAccessRefused, match="redirect"):
            await bench.ask(bench.client(spec(protocol_server.base_url)))
        assert not elsewhere.requests, "the key goes to nobody else"
    assert len(protocol_server.requests) == 1


async def test_row_21_connection_refused(bench: Workbench) -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        port = placeholder.getsockname()[1]
    with pytest.raises(ModelFault, match="cannot connect") as caught:
        await bench.ask(bench.client(spec(f"http://127.0.0.1:{port}/v1"), total_timeout_s=60))
    assert caught.value.retryable
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "base URL" in caught.value.hint
    assert bench.store.tally(bench.campaign_id).cost_usd == 0.0, "no bytes left, nothing is owed"
    assert bench.meter.reserved.picodollars == 0


async def test_row_21_a_name_that_does_not_exist(bench: Workbench) -> None:
    with pytest.raises(ModelFault, match="cannot connect") as caught:
        await bench.ask(bench.client(spec("http://models.invalid/v1"), total_timeout_s=60))
    assert "models.invalid" in str(caught.value)
    assert bench.store.tally(bench.campaign_id).cost_usd == 0.0
