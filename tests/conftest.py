"""For all tests: no network but loopback, and a model server on it."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # makes the package `protocol_server` importable

from protocol_server import ProtocolServer


def _is_here(host: object) -> bool:
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _is_name(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return True
    return False


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """A test that reaches out fails at once, and names are not even looked up."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(sock: socket.socket, address: object) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple) and not _is_here(address[0]):
            raise PermissionError(f"tests may not reach {address[0]}")

    def guarded_connect(sock: socket.socket, address: object) -> None:
        check(sock, address)
        connect(sock, address)  # type: ignore[arg-type]

    def guarded_connect_ex(sock: socket.socket, address: object) -> int:
        check(sock, address)
        return connect_ex(sock, address)  # type: ignore[arg-type]

    def guarded_getaddrinfo(host: object, *rest: object, **named: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        if not _is_here(name) and _is_name(name):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return getaddrinfo(host, *rest, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(autouse=True, scope="session")
def _own_state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What campaigns of the machine share is the tests' own, for processes that they start, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def protocol_server() -> Iterator[ProtocolServer]:
    """A chat-completions server on loopback; `protocol_server.behaviours` has what it can do."""
    with ProtocolServer() as server:
        yield server


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """For kernels on two threads: where there is one processor it counts twice, and nothing becomes faster by them."""
    mine = tuple(sorted(os.sched_getaffinity(0)))
    if len(mine) < 2:
        for module in ("spec", "bench"):
            monkeypatch.setattr(f"evaluators.kernels.{module}.processors", lambda: mine * 2)
