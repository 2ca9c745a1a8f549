"""The server itself: asyncio in a thread of its own, or wherever `run` is awaited."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from protocol_server.behaviours import Behaviour, Handler, Received, document, error


class Connection:
    """One connection of a client; answers its requests in order."""

    def __init__(self, server: ProtocolServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._received: Received | None = None

    @property
    def received(self) -> Received:
        assert self._received is not None
        return self._received

    def write(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError  # the client has gone, which ends the behaviour
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        raw_socket: socket.socket = self._writer.get_extra_info("socket")
        raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def count(self) -> None:
        self._server.answered += 1

    async def serve(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while not self._writer.is_closing():
                self._received = await self._read()
                behaviour = self._server.behaviour_for(self._received)
                await behaviour(self)
                await self._writer.drain()
        self._writer.close()

    async def _read(self) -> Received:
        start = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = start.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            if line:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        if first.startswith("GET "):
            return Received(-1, first.split(" ")[1], headers, b"", {}, time.monotonic())
        return self._server.record(first.split(" ")[1], headers, body)


class ProtocolServer:
    """Listens on a free loopback port. Use as a context manager; `script` or `handle` say what it does."""

    def __init__(self, *, port: int = 0, keep_requests: bool = True) -> None:
        self._port = port
        self._keep_requests = keep_requests
        self._arrival = threading.Condition()
        self._seen = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._handler: Handler = lambda _: error(418, "the test gave this server nothing to say")
        self.requests: list[Received] = []
        self.models: Sequence[Mapping[str, object]] | None = None
        """What `/models` lists; None: the server has no such page."""
        self.lookups: list[str] = []
        self.answered = 0
        """Replies sent to their end."""

    @property
    def port(self) -> int:
        return self._port

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def bodies(self) -> Sequence[Mapping[str, object]]:
        return [received.body for received in self.requests]

    def script(self, *behaviours: Behaviour) -> None:
        """One behaviour per request, in order; a request beyond them gets 418."""
        waiting = list(behaviours)
        lock = threading.Lock()

        def handle(_: Received) -> Behaviour:
            with lock:
                return waiting.pop(0) if waiting else error(418, "the script is over")

        self._handler = handle

    def always(self, behaviour: Behaviour) -> None:
        self._handler = lambda _: behaviour

    def handle(self, handler: Callable[[Received], Behaviour]) -> None:
        """Choose the behaviour by the request."""
        self._handler = handler

    def record(self, path: str, headers: Mapping[str, str], raw: bytes) -> Received:
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        with self._arrival:
            received = Received(self._seen, path, headers, raw, body, time.monotonic())
            self._seen += 1
            if self._keep_requests:
                self.requests.append(received)
            self._arrival.notify_all()
        return received

    def wait_for_requests(self, count: int, *, timeout_s: float = 10.0) -> None:
        """Block until so many have arrived (not from the client's event loop)."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: self._seen >= count, timeout_s):
                raise TimeoutError(f"{self._seen} of {count} requests after {timeout_s} s")

    def behaviour_for(self, received: Received) -> Behaviour:
        if received.number < 0:  # a look at what there is, which costs nothing and is no request to a model
            self.lookups.append(received.path)
            known = self.models is not None and received.path.endswith("/models")
            return document({"object": "list", "data": self.models}) if known else error(404, "no such page")
        return self._handler(received)

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Serve until `close`."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await Connection(self, reader, writer).serve()
            finally:
                tasks.discard(task)

        server = await asyncio.start_server(connected, "127.0.0.1", self._port, limit=1 << 20)
        self._port = server.sockets[0].getsockname()[1]
        started()
        await self._stop.wait()
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self.run(self._ready.set)), daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the protocol server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(10)
