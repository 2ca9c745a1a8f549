"""The platform under test: the real sandbox of one tier, with our rules for results. One process per tier."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from attack_pack import wire
from attack_pack.manifest import Attack
from nightforge.domain.base import Json
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import SandboxChoice
from nightforge.errors import PlatformFault
from nightforge.report.text import clean, markdown_cell
from sandbox import open_sandbox
from sandbox.channel import BadReply, ask, strict_json

SECRET = os.environ.get("OPENAI_API_KEY", "")
IN_MEMORY = bytearray(f"in-memory {SECRET}".encode())
WORKER = Path(__file__).parent.parent.parent / "sandbox" / "runners" / "call_worker.py"
QUESTION: list[Json] = [5, 3, 9, 1]


def limits_of(attack: Attack) -> Limits:
    return Limits(
        wall_s=attack.wall_s,
        cpu_s=attack.cpu_s,
        memory_bytes=attack.memory_mib * MIB,
        processes=attack.processes,
        writable_bytes=attack.writable_mib * MIB,
        writable_inodes=attack.inodes,
        output_bytes=attack.output_bytes,
    )


def place(word: str) -> str:
    return word.replace("{job}", "/job").replace("{box}", "/box")


def judge(answer: Json) -> Json:
    """The score is made here: 1 for a right answer. What the candidate says of its score is not even read."""
    if answer != sorted(QUESTION, key=str):
        raise BadReply("wrong_output", "the numbers are not sorted")
    return {"score": 1.0}


def collect(kind: str, result: ExecResult) -> Json:
    """The result by our rules; raises BadReply."""
    if kind in {"json", "text", "pickle", "tar", "zip"}:
        content = next(iter(result.outputs.values()), None)
        if content is None:
            raise BadReply("no_output", "no regular file of the asked name")
        return judge(strict_json(content))
    if kind == "stdout":
        return judge(strict_json(result.stdout.splitlines()[-1] if result.stdout else b""))
    if kind == "status":
        raise BadReply("no_output", "an exit code is no result")
    if kind == "excuse":
        return {"out of memory": result.reason.value == "memory_limit"}
    if kind == "terminal":
        sys.stdout.write(clean(result.stdout.decode(errors="replace")))
        sys.stdout.flush()
    if kind == "page":
        return markdown_cell(result.stdout.decode(errors="replace"))
    return None


class TierPlatform:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def attempt(self, request: dict[str, Any]) -> dict[str, object]:
        return asyncio.run(self._attempt(request))

    async def _attempt(self, request: dict[str, Any]) -> dict[str, object]:
        reply: dict[str, object] = {"accepted": None, "crashed": "", "beside_ok": True, "refused": ""}
        attack = Attack.model_validate_json(request["attack"])
        for argv in request["before"]:
            await self._run(request, attack, argv)
        beside = None
        if request["beside"]:
            beside = asyncio.create_task(self._run(request, attack, request["beside"]))
            await asyncio.sleep(0.8)
        began = time.monotonic()
        try:
            if attack.collect == "call":
                result = await asyncio.to_thread(self._call, request, attack, reply)
            else:
                result = await self._run(request, attack, request["argv"])
                reply["accepted"] = collect(attack.collect, result)
        except BadReply as bad:
            reply["refused"] = str(bad)
        except (PlatformFault, RecursionError, ValueError) as error:
            reply["crashed"] = f"{type(error).__name__}: {error}"[:300]
            result = ExecResult(reason=ExitReason.EXITED, exit_code=None)
        reply["elapsed_s"] = time.monotonic() - began
        if beside is not None:
            reply["beside_ok"] = (await beside).ok
        return reply | describe(result)

    async def _run(self, request: dict[str, Any], attack: Attack, argv: list[str]) -> ExecResult:
        files: dict[str, bytes | Path] = {name: base64.b64decode(text) for name, text in request["files"].items()}
        names = {"json": "result.json", "text": "result.json", "pickle": "result.pkl"}
        wanted = [*attack.outputs]
        if attack.collect in {"json", "text", "pickle", "tar", "zip"}:
            wanted.append(names.get(attack.collect, f"result.{attack.collect}"))
        return await self._sandbox.run(
            [place(word) for word in argv],
            files=files,
            stdin=attack.stdin.encode(),
            limits=limits_of(attack),
            outputs=wanted,
        )

    def _call(self, request: dict[str, Any], attack: Attack, reply: dict[str, object]) -> ExecResult:
        files: dict[str, bytes | Path] = {name: base64.b64decode(text) for name, text in request["files"].items()}
        files["worker.py"] = WORKER.read_bytes()
        line = [*request["argv"][:3], "/job/worker.py", place(request["argv"][3]), "solve", *request["argv"][4:]]
        with self._sandbox.start(line, files=files, limits=limits_of(attack)) as session:
            try:
                reply["accepted"] = judge(strict_json(ask(session, QUESTION, timeout_s=attack.wall_s)))
            except BadReply as bad:
                reply["refused"] = str(bad)
            return session.close()


def describe(result: ExecResult) -> dict[str, object]:
    out = result.stdout + b"".join(result.outputs.values())
    return {
        "stdout": base64.b64encode(out).decode(),
        "stderr": base64.b64encode(result.stderr).decode(),
        "output_bytes": len(result.stdout) + len(result.stderr),
        "end": f"{result.reason.value}, exit {result.exit_code}, signal {result.signal}",
    }


def serve(commands: BinaryIO, replies: BinaryIO, platform: TierPlatform) -> None:
    wire.send(replies, {"ready": True})
    while (request := wire.receive(commands)) is not None:
        wire.send(replies, platform.attempt(request))


if __name__ == "__main__":
    serve(
        os.fdopen(int(sys.argv[1]), "rb"),
        os.fdopen(int(sys.argv[2]), "wb"),
        TierPlatform(open_sandbox(tier=SandboxChoice(sys.argv[3]))),
    )
