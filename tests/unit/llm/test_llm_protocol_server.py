"""The server that the other tests trust: mixed behaviour by seed, and the benchmarks' own model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest
from protocol_server import Handler, ProtocolServer
from protocol_server.behaviours import KINDS, Texts, answer, by_role, mixed

REPLY_SERVER = Path(__file__).parents[3] / "benchmarks" / "reply_server.py"
TEXTS = Texts(
    improvement=lambda _, random: f"improvement {random.random():.3f}",
    misfit=lambda received, _: f"misfit of {received.number}",
    wrong=lambda *_: "wrong",
    prose=lambda *_: "prose",
)


def ask(client: httpx.Client, server: ProtocolServer, prompt: str = "go") -> str:
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    reply = client.post(f"{server.base_url}/chat/completions", json=body)
    reply.raise_for_status()
    text = reply.json()["choices"][0]["message"]["content"]
    assert isinstance(text, str)
    return text


def talk(seed: int, count: int) -> list[str]:
    with ProtocolServer() as server, httpx.Client(trust_env=False) as client:
        server.handle(mixed(seed, TEXTS))
        return [ask(client, server) for _ in range(count)]


def test_mixed_replies_come_in_equal_parts_and_repeat_by_seed() -> None:
    texts = talk(3, 40)
    kinds = [text.split()[0] for text in texts]
    assert Counter(kinds) == dict.fromkeys(KINDS, 10)
    assert any(kinds[i : i + 4] != list(KINDS) for i in range(0, 40, 4)), "the order is drawn"
    assert talk(3, 40) == texts
    assert talk(4, 40) != texts


def test_roles_are_told_apart_by_their_prompts() -> None:
    handlers: dict[str, Handler] = {"You judge": lambda _: answer("verdict"), "You plan": lambda _: answer("plan")}
    with ProtocolServer() as server, httpx.Client(trust_env=False) as client:
        server.handle(by_role(handlers, lambda _: answer("code")))
        assert [ask(client, server, prompt) for prompt in ("You judge it", "You plan it", "x")] == [
            "verdict",
            "plan",
            "code",
        ]


def test_a_script_that_is_over_says_so(protocol_server: ProtocolServer) -> None:
    with httpx.Client(trust_env=False) as client:
        protocol_server.script(answer("one"))
        assert ask(client, protocol_server) == "one"
        with pytest.raises(httpx.HTTPStatusError, match="418"):
            ask(client, protocol_server)


def test_the_model_of_the_benchmarks_is_a_process_of_its_own() -> None:
    process = subprocess.Popen(
        [sys.executable, str(REPLY_SERVER), "0.05"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        base_url = json.loads(process.stdout.readline())["base_url"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", base_url)
        body = {"messages": [{"role": "system", "content": "You are the coder of a search."}]}
        replies = [httpx.post(f"{base_url}/chat/completions", json=body, trust_env=False) for _ in range(2)]
        first, second = (reply.json()["choices"][0]["message"]["content"] for reply in replies)
        assert "X = 1" in first
        assert first != second
        assert min(reply.elapsed.total_seconds() for reply in replies) >= 0.05
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_the_network_is_closed_but_loopback() -> None:
    with pytest.raises(httpx.ConnectError, match=r"tests may not reach 192\.0\.2\.1"):
        httpx.get("http://192.0.2.1/", trust_env=False)
    with pytest.raises(httpx.ConnectError, match="not known"):
        httpx.get("http://example.com/", trust_env=False)
