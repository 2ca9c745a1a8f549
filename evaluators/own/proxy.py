"""The user's program in one box, the candidate's modules in another: calls go through us, as data.

In the program's box each evolvable module is replaced by a stub that asks for every function and value
(`sandbox/runners/module_stub.py`); the modules themselves are loaded in a box of their own
(`sandbox/runners/module_worker.py`). So what prints the number never shares a process with the candidate.
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import sandbox
from evaluators.cascade import CandidateFailed
from evaluators.own.bench import SHELL, Bench, Staged
from evaluators.own.spec import wall_s
from evaluators.own.timed import ended
from evaluators.own.tree import pack
from nightforge.domain.bundle import Bundle
from nightforge.domain.limits import ExecResult
from nightforge.domain.ports import SandboxSession
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault
from sandbox.channel import BadReply, ask, strict_json

MOST_BYTES = 4 * 1024 * 1024
_RUNNERS = Path(sandbox.__path__[0]) / "runners"
_LENGTH = struct.Struct("<I")
_POLL_S = 0.2
_GRACE_S = 5.0


def module_name(path: str, python_path: Sequence[str]) -> str:
    """The name under which the user's program imports a file: by the longest folder of `python_path` above it."""
    parts = path.removesuffix(".py").split("/")
    roots = [[one for one in root.split("/") if one not in ("", ".")] for root in python_path]
    inside = max((root for root in roots if parts[: len(root)] == root), key=len, default=[])
    names = parts[len(inside) :]
    return ".".join(names[:-1] if len(names) > 1 and names[-1] == "__init__" else names)


async def run_apart(bench: Bench, own: Staged, bundle: Bundle, staged: Staged, seed: int) -> ExecResult:
    """The measured command on `seed`, its evolvable modules asked of `staged`. Raises CandidateFailed."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(_Conversation(bench, own, bundle, staged, seed, stop).run)
    except asyncio.CancelledError:
        stop.set()
        raise


class _Conversation:
    def __init__(
        self, bench: Bench, own: Staged, bundle: Bundle, staged: Staged, seed: int, stop: threading.Event
    ) -> None:
        self._bench = bench
        self._staged = staged
        self._stop = stop
        self._deadline = time.monotonic() + wall_s(bench.task, "measure")
        self._limits = bench.settings.limits(wall_s(bench.task, "measure") + _GRACE_S)
        stub = (_RUNNERS / "module_stub.py").read_text(encoding="utf-8")
        stubs: dict[str, str | bytes] = {
            path: f"_MODULE = {module_name(path, bench.settings.python_path)!r}\n{stub}" for path in bundle.files
        }
        self._program = Staged(pack(stubs), own.built)
        self._script = bench.script(bench.settings.measure.command, seed=seed, framed=True)

    def run(self) -> ExecResult:
        ours, theirs = socket.socketpair()
        with ours:
            try:
                worker = self._bench.script("exec python3 /job/module_worker.py")
                runner = {"stage.sh": worker.encode(), "module_worker.py": (_RUNNERS / "module_worker.py").read_bytes()}
                start = self._bench.sandbox.start
                with (
                    start(
                        [SHELL, "/job/stage.sh"], files=self._bench.files(self._staged, runner), limits=self._limits
                    ) as candidate,
                    start(
                        [SHELL, "/job/stage.sh"],
                        files=self._bench.files(self._program, {"stage.sh": self._script.encode()}),
                        descriptors=(theirs.fileno(),),
                        limits=self._limits,
                    ) as program,
                ):
                    theirs.close()
                    return self._converse(candidate, program, ours)
            finally:
                theirs.close()

    def _converse(self, candidate: SandboxSession, program: SandboxSession, wire: socket.socket) -> ExecResult:
        """The wire ends with the command: the shell around it closes its copy before it sends what was printed."""
        while (question := self._question(wire)) is not None:
            self._tell(wire, self._answer(candidate, question))
        return ended(program, self._bench.settings.measure.answers, self._deadline, self._stop)

    def _question(self, wire: socket.socket) -> bytes | None:
        """The program's next question; None when it has ended."""
        head = self._take(wire, _LENGTH.size)
        if head is None:
            return None
        (length,) = _LENGTH.unpack(head)
        if length > MOST_BYTES:
            raise EvaluatorFault(f"a call of {length} bytes", where="settings.measure.proxy", hint="pass less at once")
        return self._take(wire, length)

    def _take(self, wire: socket.socket, count: int) -> bytes | None:
        data = bytearray()
        while len(data) < count:
            if time.monotonic() > self._deadline or self._stop.is_set():
                return None
            if select.select([wire], [], [], _POLL_S)[0]:
                piece = wire.recv(count - len(data))
                if not piece:
                    return None
                data += piece
        return bytes(data)

    def _answer(self, candidate: SandboxSession, question: bytes) -> bytes:
        """The candidate's, as strict JSON. Raises CandidateFailed."""
        asked = json.loads(question)
        left_s = max(0.1, self._deadline - time.monotonic())
        try:
            payload = ask(candidate, asked, timeout_s=left_s, most_bytes=MOST_BYTES)
            answer = strict_json(payload, most_bytes=MOST_BYTES)
        except BadReply as bad:
            said = candidate.close().stderr.decode("utf-8", errors="replace")[-800:]
            late = bad.reason == "timeout"
            outcome = Outcome.TIMEOUT if late else Outcome.FAIL
            raise CandidateFailed("run_timeout" if late else "no_answer", f"{bad}\n{said}", outcome) from None
        if not isinstance(answer, dict) or not _is_fitting(asked["kind"], answer):
            raise CandidateFailed("no_answer", "what came is no answer to a call")
        if "error" in answer:
            raise CandidateFailed("run_failed", str(answer["error"])[:1500])
        return json.dumps(answer).encode()

    @staticmethod
    def _tell(wire: socket.socket, answer: bytes) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            wire.sendall(_LENGTH.pack(len(answer)) + answer)


def _is_fitting(kind: str, answer: Mapping[str, object]) -> bool:
    """Only what the stub knows what to do with, and values in the form that it unpacks."""
    if "error" in answer or (kind == "get" and ("missing" in answer or answer.get("callable") is True)):
        return True
    return "value" in answer and _is_packed(answer["value"])


def _is_packed(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_packed, value))
    if isinstance(value, dict):
        if value.keys() == {"("}:
            return isinstance(value["("], list) and _is_packed(value["("])
        return value.keys() == {"{"} and isinstance(value["{"], dict) and all(map(_is_packed, value["{"].values()))
    return True
