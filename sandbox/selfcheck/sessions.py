"""Checks on command-and-reply sessions."""

from __future__ import annotations

import asyncio
import os
import time

from nightforge.domain.limits import MIB, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.errors import SandboxFault
from sandbox.selfcheck.framework import LIMITS, PYTHON, Broken, appeared, check, expect, gone, marker

_ECHO = "import os\nwhile (b:=os.read(0,1)): os.write(1,b)\nos._exit(5)"
_SPIN = (
    "import os,time\n"
    "while os.read(0,1):\n"
    " t=time.process_time()\n"
    " while time.process_time()-t<0.2: pass\n"
    " os.write(1,b'.')\n"
)


@check("a session answers commands")
async def _answers(sandbox: Sandbox) -> None:
    def talk() -> None:
        with sandbox.start([*PYTHON, _ECHO], limits=LIMITS) as session:
            for word in (b"one", b"another"):
                session.send(word)
                expect(session.receive(len(word), 5.0) == word, word)

    await asyncio.to_thread(talk)


@check("a session's program gets its descriptors from 3 on, in order, and no other")
async def _descriptors(sandbox: Sandbox) -> None:
    program = (
        "import os\n"
        "words=b''.join(os.pread(n,1,0) for n in range(3,9))\n"
        "numbers=sorted(map(int,os.listdir('/proc/self/fd')))[:-1]\n"
        "os.write(1,words+str(numbers==list(range(9))).encode())\n"
        "os.read(0,1)"
    )

    def talk() -> None:
        given = []
        try:
            for letter in b"abcdef":
                number = os.memfd_create("check", os.MFD_CLOEXEC)
                given.append(number)
                os.write(number, bytes([letter]))
            with sandbox.start([*PYTHON, program], descriptors=given, limits=LIMITS) as session:
                reply = session.receive(10, 5.0)
                expect(reply == b"abcdefTrue", reply)
        finally:
            for number in given:
                os.close(number)

    await asyncio.to_thread(talk)


@check("a session's CPU clock counts its work, seen from outside")
async def _clock(sandbox: Sandbox) -> None:
    def talk() -> None:
        with sandbox.start([*PYTHON, _SPIN], limits=LIMITS) as session:
            session.send(b"x")
            session.receive(1, 5.0)
            before = session.cpu_time_ns()
            session.send(b"x")
            session.receive(1, 5.0)
            worked = session.cpu_time_ns() - before
            expect(190e6 < worked < 400e6, worked)

    await asyncio.to_thread(talk)


@check("a frozen session stands still and goes on when thawed")
async def _freeze(sandbox: Sandbox) -> None:
    def talk() -> None:
        with sandbox.start([*PYTHON, _ECHO], limits=LIMITS) as session:
            session.send(b"a")
            session.receive(1, 5.0)
            session.freeze()
            stood = session.cpu_time_ns()
            session.send(b"b")
            try:
                session.receive(1, 0.2)
            except TimeoutError:
                expect(session.cpu_time_ns() == stood, "its clock went on")
            else:
                raise Broken("a frozen program answered")
            session.thaw()
            expect(session.receive(1, 5.0) == b"b", "no answer after the thaw")

    await asyncio.to_thread(talk)


@check("a session's silence is a TimeoutError in time")
async def _silence(sandbox: Sandbox) -> None:
    def talk() -> None:
        with sandbox.start(["sleep", "30"], limits=LIMITS) as session:
            began = time.monotonic()
            try:
                session.receive(1, 0.3)
            except TimeoutError:
                expect(0.25 < time.monotonic() - began < 2, "the deadline was missed")
                return
            raise Broken("receive returned")

    await asyncio.to_thread(talk)


@check("the end of a session's program shows as a short reply and in the result")
async def _end(sandbox: Sandbox) -> None:
    def talk() -> None:
        with sandbox.start(["sh", "-c", "printf abc; echo why >&2; exit 9"], limits=LIMITS) as session:
            expect(session.receive(5, 5.0) == b"abc", "the reply is not what was written")
            time.sleep(0.2)
            result = session.close()
            expect(result.reason is ExitReason.EXITED and result.exit_code == 9, result)
            expect(result.stderr == b"why\n", result)
            expect(session.close() == result, "close is not idempotent")

    await asyncio.to_thread(talk)


@check("a session's limits hold")
async def _limits(sandbox: Sandbox) -> None:
    def ended(program: str, limits: Limits) -> ExitReason:
        with sandbox.start([*PYTHON, program], limits=limits) as session:
            session.receive(1, 15.0)
            return session.close().reason

    hungry = "b=[]\nwhile True: b.append(b'x'*(1<<20))"
    for program, limits, reason in (
        ("import time\ntime.sleep(60)", Limits(wall_s=0.4), ExitReason.WALL_LIMIT),
        ("while True: pass", Limits(wall_s=15, cpu_s=1), ExitReason.CPU_LIMIT),
        (hungry, Limits(memory_bytes=96 * MIB), ExitReason.MEMORY_LIMIT),
        ("import os\nwhile True: os.write(2,b'x'*1000)", Limits(output_bytes=10_000), ExitReason.OUTPUT_LIMIT),
    ):
        seen = await asyncio.to_thread(ended, program, limits)
        expect(seen is reason, f"{seen} for {reason}")


@check("a session is pinned to the asked processor")
async def _pinned(sandbox: Sandbox) -> None:
    processor = max(os.sched_getaffinity(0))
    program = "import os\nos.write(1,str(sorted(os.sched_getaffinity(0))).encode().ljust(20))\nos.read(0,1)"

    def talk() -> None:
        with sandbox.start([*PYTHON, program], limits=LIMITS, cpus=[processor]) as session:
            reply = session.receive(20, 5.0).strip()
            expect(reply == f"[{processor}]".encode(), reply)

    before = os.sched_getaffinity(0)
    await asyncio.to_thread(talk)
    expect(os.sched_getaffinity(0) == before, "our own affinity changed")


@check("leaving a session leaves nothing, however it is left")
async def _left(sandbox: Sandbox) -> None:
    name = marker()

    def leave() -> None:
        with sandbox.start(["sleep", name], limits=LIMITS):
            raise Broken("left")

    task = asyncio.ensure_future(asyncio.to_thread(leave))
    try:
        await task
    except Broken:
        await gone(name)


@check("a closed session refuses commands")
async def _closed(sandbox: Sandbox) -> None:
    def talk() -> None:
        with sandbox.start(["cat"], limits=LIMITS) as session:
            session.close()
            try:
                session.send(b"x")
            except SandboxFault:
                return
        raise Broken("a closed session took a command")

    await asyncio.to_thread(talk)


@check("sessions and runs live beside each other")
async def _beside(sandbox: Sandbox) -> None:
    name = marker()

    def talk() -> bytes:
        with sandbox.start([*PYTHON, _ECHO, name], limits=LIMITS) as session:
            time.sleep(0.3)
            session.send(b"x")
            return session.receive(1, 5.0)

    task = asyncio.ensure_future(asyncio.to_thread(talk))
    await appeared(name)
    results = await asyncio.gather(*(sandbox.run(["true"], limits=LIMITS) for _ in range(4)))
    expect(all(result.ok for result in results) and await task == b"x", results)
