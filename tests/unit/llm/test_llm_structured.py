"""Typed replies: the ladder of asking, one repair, and what is read out of untidy text."""

from __future__ import annotations

import asyncio
import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_server import Behaviour, ProtocolServer, Received
from protocol_server.behaviours import after, answer, error, without_schema_support
from protocol_server.workbench import MESSAGES, Workbench, spec
from pydantic import BaseModel, ConfigDict, Field

from nightforge.domain.model import CallState
from tools.llm import UnusableReply
from tools.structured import Complaint, Rung, form_of, read_form, strip_thinking, tighten


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")

    operator: Literal["diff", "full"]
    hint: str = ""
    tries: int = Field(default=1, ge=1)


class Loose(BaseModel):
    parameters: dict[str, int] = {}


GOOD = '{"operator": "diff", "hint": "unroll", "tries": 2}'
STEP = Step(operator="diff", hint="unroll", tries=2)


async def test_the_schema_is_sent_and_the_reply_is_typed(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer(GOOD))
    client = bench.client(spec(protocol_server.base_url))
    reply = await client.complete(bench.key(), MESSAGES, schema=Step)
    assert reply.value == STEP
    assert type(reply.value) is Step
    sent = protocol_server.bodies[0]["response_format"]
    assert isinstance(sent, dict)
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["strict"] is True
    assert sent["json_schema"]["schema"]["required"] == ["operator", "hint", "tries"]
    again = await client.complete(bench.key(), MESSAGES, schema=Step)
    assert (again.value, again.replayed) == (STEP, True)


@pytest.mark.parametrize(
    ("refused", "rungs"),
    [
        (("json_schema",), ["json_schema", "json_object"]),
        (("json_schema", "json_object"), ["json_schema", "json_object", None]),
    ],
)
async def test_the_ladder_is_climbed_down_once_and_remembered(
    bench: Workbench, protocol_server: ProtocolServer, refused: tuple[str, ...], rungs: list[str | None]
) -> None:
    protocol_server.handle(without_schema_support(answer(f"Here you are:\n```json\n{GOOD}\n```"), refused=refused))
    client = bench.client(spec(protocol_server.base_url))
    reply = await client.complete(bench.key("a"), MESSAGES, schema=Step)
    assert reply.value == STEP
    assert [asked_rung(received) for received in protocol_server.requests] == rungs
    last = protocol_server.requests[-1]
    assert "JSON schema" in last.prompt
    assert last.messages[-1]["role"] == "user"
    assert len(last.messages) == len(MESSAGES), "the schema goes into a message that is there"
    await client.complete(bench.key("b"), MESSAGES, schema=Step)
    assert asked_rung(protocol_server.requests[-1]) == rungs[-1]
    assert len(protocol_server.requests) == len(rungs) + 1
    states = [call.state for call in bench.calls()]
    assert states == [CallState.FAILED] * (len(rungs) - 1) + [CallState.ANSWERED] * 2
    assert len({call.request_sha for call in bench.calls()[: len(rungs)]}) == 1, "one request, asked in other words"


def asked_rung(received: Received) -> str | None:
    form = received.body.get("response_format")
    return str(form["type"]) if isinstance(form, dict) else None


async def test_a_server_that_rejects_without_a_word(bench: Workbench, protocol_server: ProtocolServer) -> None:
    def handle(received: Received) -> Behaviour:
        return error(400, "Bad Request") if "response_format" in received.body else answer(GOOD)

    protocol_server.handle(handle)
    reply = await bench.client(spec(protocol_server.base_url)).complete(bench.key(), MESSAGES, schema=Step)
    assert reply.value == STEP


async def test_workers_that_learn_the_same_together(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.handle(without_schema_support(answer(GOOD, delay_s=0.02), refused=("json_schema", "json_object")))
    client = bench.client(spec(protocol_server.base_url))
    runs = [client.complete(bench.key(f"s{number}"), MESSAGES, schema=Step) for number in range(4)]
    assert [reply.value for reply in await asyncio.gather(*runs)] == [STEP] * 4


async def test_a_late_refusal_does_not_climb_back_up(bench: Workbench, protocol_server: ProtocolServer) -> None:
    learn = without_schema_support(answer(GOOD), refused=("json_schema", "json_object"))

    def handle(received: Received) -> Behaviour:
        return after(0.5, learn(received)) if received.number == 0 else learn(received)

    protocol_server.handle(handle)
    client = bench.client(spec(protocol_server.base_url), request_timeout_s=10)
    slow = asyncio.create_task(client.complete(bench.key("slow"), MESSAGES, schema=Step))
    await asyncio.to_thread(protocol_server.wait_for_requests, 1)
    await client.complete(bench.key("quick"), MESSAGES, schema=Step)
    assert (await slow).value == STEP
    rungs = ["json_schema", "json_schema", "json_object", None, None]
    assert [asked_rung(received) for received in protocol_server.requests] == rungs


@pytest.mark.parametrize(
    ("complaint", "absent", "present"),
    [
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.", "max_tokens", "max_completion_tokens"),
        ("Unsupported value: 'temperature' does not support 0.7", "temperature", "max_tokens"),
    ],
)
async def test_a_disliked_parameter_is_said_otherwise(
    bench: Workbench, protocol_server: ProtocolServer, complaint: str, absent: str, present: str
) -> None:
    def handle(received: Received) -> Behaviour:
        return error(400, complaint) if absent in received.body else answer("ok")

    protocol_server.handle(handle)
    client = bench.client(spec(protocol_server.base_url, temperature=0.7))
    assert (await bench.ask(client, "a")).text == "ok"
    assert (await bench.ask(client, "b")).text == "ok"
    assert [absent in body for body in protocol_server.bodies] == [True, False, False]
    assert present in protocol_server.bodies[-1]


async def test_a_parameter_that_cannot_be_helped(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.always(error(400, "max_tokens and max_completion_tokens are too large"))
    with pytest.raises(UnusableReply) as caught:
        await bench.ask(bench.client(spec(protocol_server.base_url)))
    assert caught.value.reason == "bad_request"
    assert len(protocol_server.requests) <= 3


async def test_a_bad_reply_is_repaired_once(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer('{"operator": "jump", "extra": 1}'), answer(GOOD))
    client = bench.client(spec(protocol_server.base_url))
    reply = await client.complete(bench.key(), MESSAGES, schema=Step)
    assert reply.value == STEP
    second = protocol_server.requests[1]
    assert [message["role"] for message in second.messages] == ["system", "user", "assistant", "user"]
    complaint = second.messages[-1]["content"]
    assert "operator" in complaint
    assert "extra" in complaint
    assert '"jump"' in second.messages[-2]["content"]
    assert reply.cost_usd == pytest.approx(2 * 140e-6), "both replies are on the bill"
    replay = await client.complete(bench.key(), MESSAGES, schema=Step)
    assert (replay.value, replay.replayed) == (STEP, True)
    assert len(protocol_server.requests) == 2


async def test_a_second_bad_reply_is_refused(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer("I would unroll it."), answer("As I said: unroll."))
    with pytest.raises(UnusableReply) as caught:
        await bench.client(spec(protocol_server.base_url)).complete(bench.key(), MESSAGES, schema=Step)
    assert caught.value.reason == "unparsable"
    assert not caught.value.retryable
    assert len(protocol_server.requests) == 2


async def test_a_cut_form_is_never_read(bench: Workbench, protocol_server: ProtocolServer) -> None:
    protocol_server.script(answer(GOOD, finish_reason="length"))
    with pytest.raises(UnusableReply) as caught:
        await bench.client(spec(protocol_server.base_url)).complete(bench.key(), MESSAGES, schema=Step)
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"Sure.\n```\n{GOOD}\n```\nAnything else?",
        f"The step is {GOOD}, as asked.",
        f"```c\nint a[] = {{1}};\n```\nand\n```json\n{GOOD}\n```",
    ],
)
def test_forms_in_untidy_text(text: str) -> None:
    assert read_form(text, Step) == STEP


@pytest.mark.parametrize("text", ["", "no", "{", '{"operator": 3}', "{}", "[1]", '{"operator": "diff", "x": 1}'])
def test_what_is_no_form_is_complained_about(text: str) -> None:
    complaint = read_form(text, Step)
    assert isinstance(complaint, Complaint)
    assert complaint.text


@given(st.text(max_size=300))
def test_any_text_is_read_or_complained_about(text: str) -> None:
    assert isinstance(read_form(text, Step), Step | Complaint)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>hm { } </think>\n\nanswer", "answer"),
        ("<thinking>a</thinking>answer", "answer"),
        ("thoughts without a start</think>answer", "answer"),
        ("<think>no end", ""),
        ("answer", "answer"),
        ('```c\nputs("</think>");\n```', '```c\nputs("</think>");\n```'),
        ("see <think> later", "see <think> later"),
    ],
)
def test_thinking_is_stripped(text: str, rest: str) -> None:
    assert strip_thinking(text) == rest


def test_a_strict_schema_is_closed_and_complete() -> None:
    tightened, is_strict = tighten(Step.model_json_schema())
    assert is_strict
    assert isinstance(tightened, dict)
    assert tightened["additionalProperties"] is False
    assert '"default"' not in json.dumps(tightened)


class Nested(BaseModel):
    inner: Step = Field(description="said beside a reference")
    others: tuple[Step, ...] = ()


def test_a_strict_schema_has_nothing_beside_references() -> None:
    tightened, is_strict = tighten(Nested.model_json_schema())
    assert is_strict
    assert isinstance(tightened, dict)
    properties = tightened["properties"]
    assert isinstance(properties, dict)
    assert properties["inner"] == {"$ref": "#/$defs/Step"}
    assert read_form(f'{{"inner": {GOOD}, "others": []}}', Nested) == Nested(inner=STEP)


def test_a_free_form_schema_is_sent_as_it_is() -> None:
    form = form_of(Loose)
    sent = form.fields(Rung.JSON_SCHEMA)["response_format"]
    assert isinstance(sent, dict)
    inner = sent["json_schema"]
    assert isinstance(inner, dict)
    assert inner["strict"] is False
    assert inner["schema"] == Loose.model_json_schema()
