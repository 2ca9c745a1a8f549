"""Nothing leaves by LangSmith, whatever the environment says. The control shows that it otherwise would."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

SWITCHES = (
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGCHAIN_TRACING_V2",
    "LANGSMITH_OTEL_ENABLED",
    "OTEL_ENABLED",
)
ENDPOINTS = (
    "LANGSMITH_ENDPOINT",
    "LANGCHAIN_ENDPOINT",
    "LANGCHAIN_BASE_URL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)
OTHERS = {
    "LANGSMITH_API_KEY": "lsv2_pt_test",
    "LANGCHAIN_API_KEY": "lsv2_pt_test",
    "LANGSMITH_PROJECT": "p",
    "LANGCHAIN_PROJECT": "p",
    "LANGCHAIN_SESSION": "s",
    "LANGCHAIN_HANDLER": "langchain",
}

WATCH = """
import sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        print("reached out:", event, arguments[-1], file=sys.stderr, flush=True)

sys.addaudithook(watch)
"""

RUN_A_GRAPH = """
import asyncio
from typing import TypedDict
from langgraph.graph import END, START, StateGraph

class State(TypedDict):
    code: str

async def write(state: State) -> State:
    return {"code": state["code"] + ";"}

graph = StateGraph(State)
graph.add_node("write", write)
graph.add_edge(START, "write")
graph.add_edge("write", END)
compiled = graph.compile()

async def main():
    for _ in range(3):
        assert (await compiled.ainvoke({"code": "secret"}))["code"] == "secret;"

asyncio.run(main())

from langchain_core.tracers.langchain import wait_for_all_tracers
wait_for_all_tracers()
print("graph ran")
"""

CALL = "from tools.tracing import disable_tracing\ndisable_tracing()\n"
CALL_LATE = "import langgraph.graph\nimport langsmith.utils\nlangsmith.utils.tracing_is_enabled()\n" + CALL
DOTENV = CALL + f"import os\nfor name in {SWITCHES[:4]}:\n    os.environ.setdefault(name, 'true')\n"
START_UP = "import workflows\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server


def was_reached(listener: socket.socket, *, within_s: float) -> bool:
    listener.settimeout(within_s)
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        return False
    connection.close()
    return True


def start(prelude: str, listener: socket.socket) -> subprocess.Popen[str]:
    """The graph in a process of its own, with every switch on and every endpoint ours."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("LANG", "OTEL_"))},
        **dict.fromkeys(SWITCHES, "true"),
        **dict.fromkeys(ENDPOINTS, url),
        **OTHERS,
    }
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WATCH + prelude + RUN_A_GRAPH],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_control_without_the_call_a_connection_arrives(listener: socket.socket) -> None:
    process = start("", listener)
    try:
        assert was_reached(listener, within_s=60)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "prelude", [CALL, CALL_LATE, DOTENV, START_UP], ids=["before", "after-langgraph", "dotenv", "start-up"]
)
def test_nothing_connects(listener: socket.socket, prelude: str) -> None:
    output, errors = start(prelude, listener).communicate(timeout=120)
    assert "graph ran" in output, errors
    assert "reached out" not in errors
    assert not was_reached(listener, within_s=0.2), "a connection would wait in the accept queue"
