"""A command in a box of which we hold the other end: its exact CPU time, and what it printed, length first.

`Sandbox.run` samples a tree's CPU time in clock ticks, which is right for limits and too coarse for a measure. Here the
shell that runs the command is process 1 of its box: it has waited for its children when it ends, and the kernel's
account of it is exact (what outlives the shell is killed, and was sampled).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager

from evaluators.own.bench import FRAME_BYTES, NO_FILE, SHELL, Bench, Staged
from evaluators.own.spec import wall_s
from nightforge.domain.limits import ExecResult, ExitReason
from nightforge.domain.ports import SandboxSession
from nightforge.errors import SandboxFault
from tools import slots

MOST_PRINTED = 32 * 1024 * 1024
_POLL_S = 0.25
_SEND_S = 30.0
_END_S = 10.0


@asynccontextmanager
async def machine_held() -> AsyncIterator[None]:
    """The machine's lease on its processor, for as long as something is timed (`tools.slots`)."""
    stop = threading.Event()
    with ExitStack() as stack:
        try:
            await asyncio.to_thread(stack.enter_context, slots.hold("cpu", stop=stop))
        except asyncio.CancelledError:
            stop.set()
            raise
        yield


async def run_timed(
    bench: Bench, staged: Staged, *, seed: int, at_most_s: float | None = None, command: str = ""
) -> ExecResult:
    """The measured command (or another one), under the limits of the stage `measure`."""
    limit_s = wall_s(bench.task, "measure")
    limit_s = limit_s if at_most_s is None else min(limit_s, at_most_s)
    stop = threading.Event()
    script = bench.script(command or bench.settings.measure.command, seed=seed, framed=True)
    try:
        return await asyncio.to_thread(_run, bench, staged, script, limit_s, stop)
    except asyncio.CancelledError:
        stop.set()
        raise


def _run(bench: Bench, staged: Staged, script: str, limit_s: float, stop: threading.Event) -> ExecResult:
    files = bench.files(staged, {"stage.sh": script.encode()})
    limits = bench.settings.limits(limit_s)
    with bench.sandbox.start([SHELL, "/job/stage.sh"], files=files, limits=limits) as session:
        return ended(session, bench.settings.measure.answers, time.monotonic() + limit_s + 1.0, stop)


def ended(session: SandboxSession, answers: Sequence[str], deadline: float, stop: threading.Event) -> ExecResult:
    """What a framed script (`Bench.script`) came to, its box closed."""
    printed = b""
    outputs: dict[str, bytes] = {}
    try:
        for place, name in enumerate(("", *answers)):
            content = _frame(session, deadline, stop)
            if content is None and place == 0:
                break
            if place == 0:
                printed = content or b""
            elif content is not None:
                outputs[name] = content
    except _TooMuch:
        return session.close().model_copy(update={"reason": ExitReason.OUTPUT_LIMIT, "exit_code": None})
    _wait_for_end(session)
    return session.close().model_copy(update={"stdout": printed, "outputs": outputs})


class _TooMuch(Exception):
    pass


def _frame(session: SandboxSession, deadline: float, stop: threading.Event) -> bytes | None:
    """One frame's content; None at the end, at the deadline, and for a file that was not written."""
    head = b""
    while not head:
        if stop.is_set() or time.monotonic() > deadline:
            return None
        try:
            head = session.receive(FRAME_BYTES, _POLL_S)
        except TimeoutError:
            continue
        if len(head) < FRAME_BYTES:
            return None
    if not head.isdigit() or head == NO_FILE.encode():
        return None
    size = int(head)
    if size > MOST_PRINTED:
        raise _TooMuch
    try:
        content = session.receive(size, _SEND_S) if size else b""
    except TimeoutError:
        return None
    return content if len(content) == size else None


def _wait_for_end(session: SandboxSession) -> None:
    """Until the program is gone: then its account is closed. It has sent all, so this is short."""
    deadline = time.monotonic() + _END_S
    while time.monotonic() < deadline:
        try:
            session.cpu_time_ns()
        except SandboxFault:
            return
        time.sleep(0.002)


async def overhead_s(bench: Bench, staged: Staged) -> tuple[float, float]:
    """CPU and wall seconds that a box takes for a command that does nothing: the least of five."""
    runs = [await run_timed(bench, staged, seed=0, command="true") for _ in range(5)]
    return min(run.cpu_s for run in runs), min(run.wall_s for run in runs)
