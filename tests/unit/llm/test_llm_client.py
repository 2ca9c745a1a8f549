"""The client over real HTTP with a real database: rows, money, replay, the ensemble."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest
from protocol_server import Behaviour, ProtocolServer, Received
from protocol_server.behaviours import after, answer, error, hang
from protocol_server.workbench import KEY, MESSAGES, Workbench, spec

from nightforge.domain.candidate import Tally
from nightforge.domain.model import CallState, Message, ModelCall, Usage
from nightforge.domain.plan import Budget
from nightforge.errors import BudgetExhausted, ModelAccessRefused, ModelFault
from tools.budget import BudgetMeter
from tools.llm import UnusableReply


async def test_an_answer_is_returned_priced_and_stored(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer("x = 1;", usage={"prompt_tokens": 200, "completion_tokens": 50}))
    reply = await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert reply.text == "x = 1;"
    assert reply.value is None
    assert not reply.replayed
    assert reply.usage == Usage(tokens_in=200, tokens_out=50)
    assert reply.cost_usd == pytest.approx(200 * 1e-6 + 50 * 2e-6)
    (call,) = bench.calls()
    assert (call.state, call.reply_text, call.finish_reason) == (CallState.ANSWERED, "x = 1;", "stop")
    assert call.cost_usd == pytest.approx(reply.cost_usd)
    assert call.reserved_usd > call.cost_usd
    assert [message.content for message in bench.store.call_messages(call.call_id)] == [m.content for m in MESSAGES]
    tally = bench.store.tally(bench.campaign_id)
    assert (tally.model_calls, tally.tokens_in, tally.tokens_out) == (1, 200, 50)
    assert bench.meter.spent.cost_usd == pytest.approx(tally.cost_usd)
    assert bench.meter.reserved.picodollars == 0


async def test_what_is_sent(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer("ok"))
    await bench.ask(bench.client(spec(protocol_server.base_url, temperature=0.5)))
    (received,) = protocol_server.requests
    assert received.path == "/v1/chat/completions"
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.headers["content-type"] == "application/json"
    assert received.body == {
        "model": "m",
        "max_tokens": 500,
        "temperature": 0.5,
        "messages": [{"role": m.role, "content": m.content} for m in MESSAGES],
    }
    told = {"x-stainless-os", "x-stainless-arch", "x-stainless-runtime", "x-stainless-runtime-version"}
    assert told.isdisjoint(received.headers), "the server is told nothing about this machine"


async def test_the_row_is_committed_before_the_bytes_leave(bench: Workbench, protocol_server: ProtocolServer) -> None:
    seen: list[Sequence[ModelCall]] = []

    def look(_: Received) -> Behaviour:
        seen.append(bench.calls())
        return answer("ok")

    protocol_server.handle(look)
    await bench.ask(bench.client(spec(protocol_server.base_url)))
    ((call,),) = seen
    assert call.state is CallState.SENT
    assert call.reserved_usd > 0


async def test_a_committed_reply_is_never_asked_for_again(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer("first"), answer("second"), answer("third"))
    client = bench.client(spec(protocol_server.base_url))
    first = await bench.ask(client, "code")
    spent = bench.meter.spent
    again = await bench.ask(client, "code")
    assert again.replayed
    assert (again.text, again.usage, again.model) == (first.text, first.usage, first.model)
    assert bench.meter.spent == spent, "a replayed reply was paid before"
    other_step = await bench.ask(client, "code.1")
    other_text = await bench.ask(client, "code", [Message(role="user", content="other")])
    assert (other_step.text, other_text.text) == ("second", "third")
    assert len(protocol_server.requests) == 3


async def test_a_reply_outlives_a_change_of_the_ensemble(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer("paid"))
    await bench.ask(bench.client(spec(protocol_server.base_url, model="old")))
    reply = await bench.ask(bench.client(spec(protocol_server.base_url, model="new")))
    assert (reply.text, reply.model, reply.replayed) == ("paid", "old", True)


async def test_a_cut_reply_is_not_paid_twice_on_resume(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer("int main(", finish_reason="length"))
    for _ in range(2):
        with pytest.raises(UnusableReply) as caught:
            await bench.ask(bench.client(spec(protocol_server.base_url)))
        assert caught.value.reason == "truncated"
        assert not caught.value.retryable
    assert len(protocol_server.requests) == 1


async def test_a_cancelled_call_books_its_reserve(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(hang())
    client = bench.client(spec(protocol_server.base_url), request_timeout_s=30)
    running = asyncio.create_task(bench.ask(client))
    await asyncio.to_thread(protocol_server.wait_for_requests, 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (call,) = bench.calls()
    assert call.state is CallState.LOST
    assert call.cost_usd == pytest.approx(call.reserved_usd)
    assert bench.store.tally(bench.campaign_id).cost_usd == pytest.approx(call.reserved_usd)
    assert bench.meter.spent.cost_usd == pytest.approx(call.reserved_usd)


async def test_nothing_is_sent_that_the_budget_cannot_pay(bench: Workbench, protocol_server: ProtocolServer) -> None:
    bench.meter = BudgetMeter(Budget(cost_usd=0.0005), spent=Tally())
    client = bench.client(spec(protocol_server.base_url))
    with pytest.raises(BudgetExhausted) as caught:
        await bench.ask(client)
    assert caught.value.where == "budget:cost_usd"
    assert not protocol_server.requests
    assert not bench.calls(), "no row for a request that was never sent"


async def test_a_token_cap_holds_too(bench: Workbench, protocol_server: ProtocolServer) -> None:
    bench.meter = BudgetMeter(Budget(tokens=100), spent=Tally())
    with pytest.raises(BudgetExhausted) as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert caught.value.where == "budget:tokens"


async def test_the_dollar_cap_holds_with_calls_in_flight(bench: Workbench, protocol_server: ProtocolServer) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 450}
    protocol_server.always(answer("ok", usage=usage, delay_s=0.02))
    cap = 0.02
    bench.meter = BudgetMeter(Budget(cost_usd=cap), spent=Tally())
    client = bench.client(spec(protocol_server.base_url), max_concurrent_calls=8)
    runs = [bench.ask(client, f"code.{number}") for number in range(60)]
    results = await asyncio.gather(*runs, return_exceptions=True)
    refused = [result for result in results if isinstance(result, BudgetExhausted)]
    answered = len(results) - len(refused)
    assert all(not isinstance(result, BaseException) for result in results if result not in refused)
    price = 100 * 1e-6 + 450 * 2e-6
    spent = bench.store.tally(bench.campaign_id).cost_usd
    assert spent <= cap
    assert spent == pytest.approx(answered * price)
    # Waiting for reserves in flight to come back uses the budget up, but for less than one reserve.
    assert cap - spent < max(call.reserved_usd for call in bench.calls())
    assert answered == len(protocol_server.requests)


async def test_no_more_calls_at_once_than_allowed(bench: Workbench, protocol_server: ProtocolServer) -> None:
    together = most = 0

    def counted(_: Received) -> Behaviour:
        nonlocal together, most
        together += 1
        most = max(most, together)
        reply = after(0.02, answer("ok"))

        async def behave(exchange: object) -> None:
            nonlocal together
            await reply(exchange)  # type: ignore[arg-type]
            together -= 1

        return behave

    protocol_server.handle(counted)
    client = bench.client(spec(protocol_server.base_url), max_concurrent_calls=3)
    await asyncio.gather(*(bench.ask(client, f"s{number}") for number in range(12)))
    assert most == 3


async def test_another_model_steps_in(bench: Workbench) -> None:
    with ProtocolServer() as ill, ProtocolServer() as well:
        ill.always(error(503))
        well.always(answer("from the second"))
        client = bench.client(spec(ill.base_url, model="first"), spec(well.base_url, model="second"))
        for number in range(8):
            reply = await bench.ask(client, f"s{number}")
            assert (reply.text, reply.model) == ("from the second", "second")
    assert len(ill.requests) == 5, "the circuit opens after five failures in a row"
    assert bench.clock.slept == [], "nobody waits while another model is ready"


async def test_an_open_circuit_lets_one_try_through_and_closes(
    bench: Workbench, protocol_server: ProtocolServer, caplog: pytest.LogCaptureFixture
) -> None:
    protocol_server.always(error(500))
    client = bench.client(spec(protocol_server.base_url), total_timeout_s=60)
    with caplog.at_level(logging.WARNING), pytest.raises(ModelFault):
        await bench.ask(client, "a")
    assert any("left alone" in record.message for record in caplog.records)
    before = len(protocol_server.requests)
    protocol_server.always(answer("well again", delay_s=0.05))
    replies = await asyncio.gather(*(bench.ask(client, f"s{number}") for number in range(4)))
    assert {reply.text for reply in replies} == {"well again"}
    arrivals = [received.at_s for received in protocol_server.requests[before:]]
    assert arrivals[1] - arrivals[0] >= 0.05, "one request tries the endpoint before the others follow"


async def test_a_refused_model_is_left_out_while_another_answers(bench: Workbench) -> None:
    with ProtocolServer() as closed, ProtocolServer() as open_:
        closed.always(error(401, "bad key"))
        open_.always(answer("ok"))
        client = bench.client(spec(closed.base_url, model="a"), spec(open_.base_url, model="b"))
        for number in range(3):
            assert (await bench.ask(client, f"s{number}")).model == "b"
        assert len(closed.requests) == 1


async def test_a_refused_client_does_not_knock_again(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(error(401, "bad key"))
    client = bench.client(spec(protocol_server.base_url))
    for _ in range(3):
        with pytest.raises(ModelAccessRefused):
            await bench.ask(client)
    assert len(protocol_server.requests) == 1


@pytest.mark.parametrize("key", ["sk-with\nnewline", "sk-ключ", "two words"])
async def test_a_malformed_key_is_named_and_not_shown(
    bench: Workbench, protocol_server: ProtocolServer, key: str
) -> None:
    with pytest.raises(ModelAccessRefused) as caught:
        bench.client(spec(protocol_server.base_url), api_key=key)
    assert key not in str(caught.value) + caught.value.hint


async def test_openai_without_a_key_is_refused_at_once(bench: Workbench) -> None:
    with pytest.raises(ModelAccessRefused, match="no API key"):
        bench.client(spec("https://api.openai.com/v1"), api_key=None)


async def test_a_local_server_needs_no_key(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer("ok"))
    reply = await bench.ask(bench.client(spec(protocol_server.base_url), api_key=None))
    assert reply.text == "ok"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/v1", "127.0.0.1:8000", "http://", "http://h:port/v1"])
async def test_a_base_url_that_is_none_is_refused(bench: Workbench, url: str) -> None:
    with pytest.raises(ModelAccessRefused, match="base URL"):
        bench.client(spec(url))


async def test_a_password_in_a_base_url_is_refused_and_not_shown(bench: Workbench) -> None:
    with pytest.raises(ModelAccessRefused) as caught:
        bench.client(spec("http://me:hidden@127.0.0.1:8000/v1"))
    assert "hidden" not in str(caught.value) + caught.value.hint


async def test_no_model_is_refused(bench: Workbench) -> None:
    with pytest.raises(ModelAccessRefused):
        bench.client()


async def test_the_key_stands_nowhere(
    bench: Workbench, protocol_server: ProtocolServer, caplog: pytest.LogCaptureFixture
) -> None:
    protocol_server.script(error(500, f"failed for {KEY}"), error(401, f"Incorrect API key provided: {KEY}."))
    client = bench.client(spec(protocol_server.base_url))
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelAccessRefused) as caught:
        await bench.ask(client)
    rows = repr(bench.calls()) + repr(bench.store.events(bench.campaign_id))
    shown = str(caught.value) + caught.value.hint + repr(client) + repr(vars(client)) + rows
    assert KEY not in shown
    assert KEY not in caplog.text
    assert "Incorrect API key" in str(caught.value), "what the server says is quoted, without the key"


async def test_proxies_of_the_environment_are_used_only_when_asked(
    bench: Workbench, protocol_server: ProtocolServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ProtocolServer() as proxy:
        proxy.always(answer("through the proxy"))
        protocol_server.always(answer("direct"))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")
        direct = await bench.ask(bench.client(spec(protocol_server.base_url)), "a")
        asked = bench.client(spec(protocol_server.base_url), proxy_from_env=True)
        proxied = await bench.ask(asked, "b")
    assert (direct.text, proxied.text) == ("direct", "through the proxy")


async def test_text_that_cannot_be_encoded_is_sent_and_stored(
    bench: Workbench, protocol_server: ProtocolServer
) -> None:
    protocol_server.script(answer("half \ud83d a pair"))
    messages = [Message(role="user", content="log: \udcff\udcfe")]
    reply = await bench.ask(bench.client(spec(protocol_server.base_url)), messages=messages)
    assert reply.text == "half ? a pair"
    assert protocol_server.requests[0].prompt == "log: ??"
