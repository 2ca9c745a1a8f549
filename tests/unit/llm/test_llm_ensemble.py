"""Which model is asked, how its server likes to be asked, and what is learned of both."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import cast

import pytest
from protocol_server import Behaviour, ProtocolServer, Received
from protocol_server.behaviours import answer, completion, document, error, without_schema_support
from protocol_server.workbench import MESSAGES, Workbench, spec
from pydantic import BaseModel

from nightforge.domain.model import Reply
from nightforge.domain.plan import ModelSpec
from nightforge.errors import ModelAccessRefused, ModelFault
from tools.ensemble import order_of
from tools.llm import UnusableReply
from tools.llm_memory import ModelMemory, listed_context
from tools.llm_probe import ModelProber
from tools.pricing import cost_usd
from tools.structured import Rung


class Word(BaseModel):
    word: str


GOOD = '{"word": "yes"}'


def asked(server: ProtocolServer) -> list[str]:
    return [cast(str, body["model"]) for body in server.bodies]


# the choice


def test_the_chosen_model_leads_and_weights_draw_the_rest() -> None:
    models = [ModelSpec(model="a", weight=3.0), ModelSpec(model="b", weight=1.0), ModelSpec(model="c")]
    firsts = Counter(order_of(models, "", Random(seed))[0] for seed in range(2000))
    assert firsts[2] == 0, "a model without a weight steps in only"
    assert firsts[0] / firsts[1] == pytest.approx(3.0, rel=0.2)
    assert all(order_of(models, "c", Random(seed))[0] == 2 for seed in range(50))
    assert {tuple(sorted(order_of(models, "b", Random(seed)))) for seed in range(50)} == {(0, 1, 2)}


def test_without_weights_the_order_is_that_of_the_names() -> None:
    models = [ModelSpec(model=name) for name in "abc"]
    assert {tuple(order_of(models, "", Random(seed))) for seed in range(50)} == {(0, 1, 2)}
    assert list(order_of(models, "unheard-of", Random(1))) == [0, 1, 2]


async def test_a_chosen_model_writes_and_another_steps_in(bench: Workbench, protocol_server: ProtocolServer) -> None:
    def handle(received: Received) -> Behaviour:
        return error(503) if received.body["model"] == "sick" else answer("fine")

    protocol_server.handle(handle)
    models = [spec(protocol_server.base_url, model=name) for name in ("first", "second", "sick")]
    client = bench.client(*models)
    reply: Reply[BaseModel] = await client.complete(bench.key("a"), MESSAGES, model="second")
    assert (reply.model, asked(protocol_server)) == ("second", ["second"])
    reply = await client.complete(bench.key("b"), MESSAGES, model="sick")
    assert asked(protocol_server)[1] == "sick"
    assert reply.model == "first"


# the ladder


async def test_a_tool_call_is_the_third_rung(bench: Workbench, protocol_server: ProtocolServer) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "Word", "arguments": GOOD}}
    by_tool = document(completion(None, finish_reason="tool_calls", message={"tool_calls": [call]}))
    protocol_server.handle(without_schema_support(by_tool, refused=("json_schema", "json_object")))
    client = bench.client(spec(protocol_server.base_url))
    reply = await client.complete(bench.key(), MESSAGES, schema=Word)
    assert reply.value == Word(word="yes")
    body = protocol_server.bodies[-1]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "Word"}}
    assert "response_format" not in body
    assert client.members[0].traits.dialect.rung is Rung.TOOL_CALL


async def test_a_server_that_ignores_the_form_is_asked_otherwise(
    bench: Workbench, protocol_server: ProtocolServer
) -> None:
    """It takes `json_schema` and answers prose; only in plain words it gives JSON."""

    def handle(received: Received) -> Behaviour:
        formal = "response_format" in received.body or "tools" in received.body
        return answer("Certainly! The word is yes." if formal else f"```json\n{GOOD}\n```")

    protocol_server.handle(handle)
    client = bench.client(spec(protocol_server.base_url))
    steps = 0
    for step in ("a", "b", "c"):
        try:
            await client.complete(bench.key(step), MESSAGES, schema=Word)
        except UnusableReply:
            steps += 1
    assert client.members[0].traits.dialect.rung is Rung.PROSE
    reply = await client.complete(bench.key("d"), MESSAGES, schema=Word)
    assert reply.value == Word(word="yes")
    assert steps <= 2


async def test_one_bad_reply_does_not_take_a_proven_form_away(
    bench: Workbench, protocol_server: ProtocolServer
) -> None:
    protocol_server.script(answer(GOOD), answer("no json"), answer(GOOD))
    client = bench.client(spec(protocol_server.base_url))
    await client.complete(bench.key("a"), MESSAGES, schema=Word)
    await client.complete(bench.key("b"), MESSAGES, schema=Word)
    assert client.members[0].traits.dialect.rung is Rung.JSON_SCHEMA


# servers' quirks


async def test_a_template_without_a_system_role(bench: Workbench, protocol_server: ProtocolServer) -> None:
    def handle(received: Received) -> Behaviour:
        if any(message["role"] == "system" for message in received.messages):
            return error(400, "System role not supported")
        return answer("fine")

    protocol_server.handle(handle)
    client = bench.client(spec(protocol_server.base_url))
    assert (await bench.ask(client, "a")).text == "fine"
    assert all(message.content in protocol_server.requests[-1].prompt for message in MESSAGES)
    await bench.ask(client, "b")
    assert len(protocol_server.requests) == 3, "it is remembered"


async def test_a_missing_chat_template_names_the_setting(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(error(400, "no chat template is defined for this tokenizer"))
    with pytest.raises(ModelAccessRefused) as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert "chat template" in caught.value.hint
    assert len(protocol_server.requests) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {**completion(""), "choices": [{"error": {"code": 502, "message": "provider"}, "finish_reason": "error"}]},
        completion("half", finish_reason="error"),
        {"error": {"code": 429, "message": "slow down"}},
    ],
)
async def test_a_router_says_its_errors_with_200(
    bench: Workbench, protocol_server: ProtocolServer, bad: dict[str, object]
) -> None:
    protocol_server.script(document(bad), answer("fine"))
    assert (await bench.ask(bench.client(spec(protocol_server.base_url)))).text == "fine"


async def test_thoughts_without_an_answer_name_the_output_limit(
    bench: Workbench, protocol_server: ProtocolServer
) -> None:
    protocol_server.always(answer(None, finish_reason="length", message={"reasoning": "hm, let me see"}))
    with pytest.raises(UnusableReply) as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert caught.value.reason == "truncated"
    assert "thought" in str(caught.value)
    assert "max_output_tokens" in caught.value.hint


async def test_extra_fields_go_along_and_replace_nothing(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(answer("fine"))
    extra = {"top_k": 20, "model": "another", "messages": []}
    model = spec(protocol_server.base_url).model_copy(update={"extra": extra})
    await bench.ask(bench.client(model))
    (body,) = protocol_server.bodies
    assert (body["top_k"], body["model"], len(cast(list[object], body["messages"]))) == (20, "m", len(MESSAGES))


async def test_the_first_reply_may_take_longer(bench: Workbench, protocol_server: ProtocolServer) -> None:
    """A local server loads the model first; after that the usual limit holds."""
    protocol_server.always(answer("loaded", delay_s=0.6))
    client = bench.client(spec(protocol_server.base_url), request_timeout_s=0.3, first_reply_timeout_s=5.0)
    assert (await bench.ask(client, "a")).text == "loaded"
    assert len(protocol_server.requests) == 1
    with pytest.raises(ModelFault):
        await bench.ask(client, "b")


# the context


async def test_what_cannot_fit_is_not_sent_and_the_larger_model_is_asked(
    bench: Workbench, protocol_server: ProtocolServer
) -> None:
    protocol_server.always(answer("fine"))
    small = spec(protocol_server.base_url, model="small").model_copy(update={"context_tokens": 600})
    large = spec(protocol_server.base_url, model="large").model_copy(update={"context_tokens": 100_000})
    long = [MESSAGES[0].model_copy(update={"content": "x" * 3000}), MESSAGES[1]]
    reply = await bench.ask(bench.client(small, large), "a", long)
    assert (reply.model, asked(protocol_server)) == ("large", ["large"])
    with pytest.raises(UnusableReply) as caught:
        await bench.ask(bench.client(small), "b", long)
    assert caught.value.reason == "context_length"
    assert len(bench.calls()) == 1, "nothing was reserved or sent for it"


@pytest.mark.parametrize(
    ("listed", "window"),
    [
        ({"id": "m", "max_model_len": 8192}, 8192),
        ({"id": "m", "context_length": 4096}, 4096),
        ({"id": "m", "meta": {"n_ctx": 2048}}, 2048),
        ({"id": "m", "context_length": "many"}, None),
        ({"id": "other", "max_model_len": 8192}, None),
        ("nonsense", None),
    ],
)
def test_servers_name_their_window_in_their_own_ways(listed: object, window: int | None) -> None:
    assert listed_context([listed], "m") == window


# the probe


def parrot(received: Received) -> str:
    words = [word for word in received.prompt.split() if word.startswith("w") and word.endswith(".")]
    return words[0][:-1] if words else "none"


async def test_a_probe_finds_out_and_is_not_repeated(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.models = [{"id": "m", "max_model_len": 32_000}]
    usage = {
        "prompt_tokens": 900,
        "completion_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 300},
        "completion_tokens_details": {"reasoning_tokens": 10},
    }

    def handle(received: Received) -> Behaviour:
        form = received.body.get("response_format")
        if isinstance(form, dict) and form["type"] == "json_schema":
            return error(400, "json_schema is not supported", param="response_format")
        return answer(f'{{"code_word": "{parrot(received)}"}}', usage=usage)

    protocol_server.handle(handle)
    memory = ModelMemory(bench.store, bench.clock)
    client = bench.client(spec(protocol_server.base_url), memory=memory)
    found = await ModelProber(client).probe(bench.campaign_id, prompt_bytes=4000, most_usd=None)
    assert (found.trouble, found.is_new) == ("", True)
    profile = found.profile
    assert (profile.structure, profile.structure_held, profile.context_tokens) == ("json_object", True, 32_000)
    assert (profile.reports_cached, profile.reasoning_share) == (True, 0.25)
    assert profile.context_held > 0
    assert bench.store.model_profile(protocol_server.base_url, "m") == profile
    assert bench.calls()[-1].usage.tokens_reasoning == 10
    requests = len(protocol_server.requests)
    later = bench.client(spec(protocol_server.base_url), memory=ModelMemory(bench.store, bench.clock))
    again = await ModelProber(later).probe(bench.campaign_id, prompt_bytes=4000, most_usd=None)
    assert (again.is_new, again.profile.structure) == (False, "json_object")
    assert len(protocol_server.requests) == requests, "nothing is asked a second time"
    with pytest.raises(UnusableReply):
        await later.complete(bench.key("x"), MESSAGES, schema=Word)
    assert cast(dict[str, object], protocol_server.bodies[-1]["response_format"])["type"] == "json_object"


async def test_a_server_that_cuts_the_prompt_is_found_out(bench: Workbench, protocol_server: ProtocolServer) -> None:
    """As Ollama does: the beginning of what does not fit is gone, and nothing says so."""

    def handle(received: Received) -> Behaviour:
        seen = received.prompt[-1500:]
        word = next((word for word in seen.split() if word.startswith("w") and word.endswith(".")), "next.")
        return answer(f'{{"code_word": "{word}"}}')

    protocol_server.handle(handle)
    prober = ModelProber(bench.client(spec(protocol_server.base_url)))
    found = await prober.probe(bench.campaign_id, prompt_bytes=8000, most_usd=None)
    assert "cut long prompts" in found.trouble
    assert "context_tokens" in found.hint
    assert found.profile.context_held == 0


async def test_a_probe_that_is_cut_names_the_output_limit(bench: Workbench, protocol_server: ProtocolServer) -> None:
    cut = answer('{"code_', finish_reason="length")
    protocol_server.handle(
        lambda received: answer(f'{{"code_word": "{parrot(received)}"}}') if received.number == 1 else cut
    )
    prober = ModelProber(bench.client(spec(protocol_server.base_url)))
    found = await prober.probe(bench.campaign_id, prompt_bytes=1000, most_usd=None)
    assert not found.trouble, "the second reply was whole"
    protocol_server.always(cut)
    other = ModelProber(bench.client(spec(protocol_server.base_url, model="other")))
    found = await other.probe(bench.campaign_id, prompt_bytes=1000, most_usd=None)
    assert "cut at the output limit" in found.trouble
    assert "max_output_tokens" in found.hint


async def test_a_probe_costs_no_more_than_it_may(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.handle(lambda received: answer(f'{{"code_word": "{parrot(received)}"}}'))
    await ModelProber(bench.client(spec(protocol_server.base_url))).probe(
        bench.campaign_id, prompt_bytes=1_000_000, most_usd=0.002
    )
    assert len(protocol_server.requests[0].raw) < 8000, "2,000 tokens at $1 per million"


# prices


def test_cached_input_has_its_own_price() -> None:
    model = ModelSpec(model="m", input_usd_per_mtok=2.0, output_usd_per_mtok=8.0, cached_input_usd_per_mtok=0.5)
    assert cost_usd(model, tokens_in=1000, tokens_out=100, tokens_cached=400) == pytest.approx(
        (600 * 2.0 + 400 * 0.5 + 100 * 8.0) / 1e6
    )
    plain = model.model_copy(update={"cached_input_usd_per_mtok": None})
    assert cost_usd(plain, tokens_in=1000, tokens_out=0, tokens_cached=400) == pytest.approx(2000 / 1e6)
