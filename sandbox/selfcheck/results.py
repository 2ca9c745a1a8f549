"""Checks on results, streams and files."""

from __future__ import annotations

import secrets
from pathlib import Path

from nightforge.domain.limits import MIB, ExitReason
from nightforge.domain.ports import Sandbox
from nightforge.errors import SandboxFault
from sandbox.selfcheck.framework import LIMITS, PYTHON, Broken, check, content_of, expect, host_file


@check("a zero exit is ok")
async def _zero(sandbox: Sandbox) -> None:
    result = await sandbox.run(["true"], limits=LIMITS)
    expect(result.ok and result.exit_code == 0 and result.signal is None, result)


@check("a non-zero exit is a result")
async def _nonzero(sandbox: Sandbox) -> None:
    result = await sandbox.run(["sh", "-c", "exit 7"], limits=LIMITS)
    expect(result.reason is ExitReason.EXITED and result.exit_code == 7, result)


@check("a death by signal is named")
async def _signal(sandbox: Sandbox) -> None:
    result = await sandbox.run(["sh", "-c", "kill -SEGV $$"], limits=LIMITS)
    expect(result.reason is ExitReason.SIGNALLED and result.signal == 11 and result.exit_code is None, result)


@check("a missing program is a result")
async def _missing(sandbox: Sandbox) -> None:
    result = await sandbox.run(["no-such-program"], limits=LIMITS)
    expect(result.reason is ExitReason.EXITED and result.exit_code == 127, result)


@check("stdout and stderr stay apart")
async def _streams(sandbox: Sandbox) -> None:
    result = await sandbox.run(["sh", "-c", "echo out; echo err >&2"], limits=LIMITS)
    expect(result.stdout == b"out\n" and result.stderr == b"err\n", result)


@check("stdin arrives whole")
async def _stdin(sandbox: Sandbox) -> None:
    content = secrets.token_bytes(400_000)
    result = await sandbox.run(["cat"], stdin=content, limits=LIMITS.model_copy(update={"output_bytes": MIB}))
    expect(result.ok and result.stdout == content, f"{len(result.stdout)} bytes, {result.reason}")


@check("no stdin reads as empty")
async def _no_stdin(sandbox: Sandbox) -> None:
    result = await sandbox.run(["cat"], limits=LIMITS)
    expect(result.ok and result.stdout == b"", result)


@check("a program that ignores its stdin is no fault")
async def _unread_stdin(sandbox: Sandbox) -> None:
    result = await sandbox.run(["true"], stdin=bytes(400_000), limits=LIMITS)
    expect(result.ok, result)


@check("time and memory are counted")
async def _counted(sandbox: Sandbox) -> None:
    program = "import time\nb=bytearray(40<<20)\nt=time.process_time()\nwhile time.process_time()-t<0.3: pass"
    result = await sandbox.run([*PYTHON, program], limits=LIMITS)
    expect(result.ok and 0.25 < result.cpu_s < 3 and result.wall_s >= 0.25, result)
    expect(result.peak_memory_bytes > 40 * MIB, result)


# --- files ---------------------------------------------------------------------------------------------------


@check("contents, host files and nested names appear under /job")
async def _files(sandbox: Sandbox) -> None:
    with host_file(b"three", mode=0o644) as path:
        files: dict[str, bytes | Path] = {"one": b"one ", "deep/er/two": b"two ", "three": path}
        result = await sandbox.run(["cat", "/job/one", "/job/deep/er/two", "/job/three"], files=files, limits=LIMITS)
    expect(result.stdout == b"one two three", result)


@check("a file of /job can be run")
async def _runs_file(sandbox: Sandbox) -> None:
    result = await sandbox.run(["/job/program"], files={"program": b"#!/bin/sh\necho ran\n"}, limits=LIMITS)
    expect(result.ok and result.stdout == b"ran\n", result)


@check("/job is read-only", strong=True)
async def _job_read_only(sandbox: Sandbox) -> None:
    program = "echo x > /job/one; rm -f /job/one; mv /job/one /job/two; touch /job/new; cat /job/one; ls /job"
    result = await sandbox.run(["sh", "-c", program], files={"one": b"kept\n"}, limits=LIMITS)
    expect(result.stdout == b"kept\none\n", result)


@check("a host path under /job cannot be written through", strong=True)
async def _host_path_read_only(sandbox: Sandbox) -> None:
    with host_file(b"kept", mode=0o666) as path:
        await sandbox.run(["sh", "-c", "echo x > /job/one"], files={"one": path}, limits=LIMITS)
        expect(content_of(path) == b"kept", "the host file was changed")


@check("a name that leaves /job is refused")
async def _escaping_name(sandbox: Sandbox) -> None:
    for name in ("../x", "/x", "a/../../x", ""):
        try:
            await sandbox.run(["true"], files={name: b""}, limits=LIMITS)
        except SandboxFault:
            continue
        raise Broken(f"{name!r} was taken")


@check("the program starts in an empty writable folder")
async def _box(sandbox: Sandbox) -> None:
    result = await sandbox.run(["sh", "-c", "ls -A; echo x > made && cat made"], limits=LIMITS)
    expect(result.ok and result.stdout == b"x\n", result)


@check("nothing survives from one run to the next")
async def _no_memory(sandbox: Sandbox) -> None:
    name = f"left-{secrets.token_hex(8)}"
    program = f'ls "$TMPDIR/{name}" {name} 2>/dev/null; touch "$TMPDIR/{name}" {name}'
    for _ in range(2):
        result = await sandbox.run(["sh", "-c", program], limits=LIMITS)
        expect(result.ok and result.stdout == b"", result)


@check("asked outputs come back")
async def _outputs(sandbox: Sandbox) -> None:
    program = "mkdir d; printf one > a; printf two > d/b; printf three > c"
    result = await sandbox.run(["sh", "-c", program], outputs=["a", "d/b", "none"], limits=LIMITS)
    expect(result.outputs == {"a": b"one", "d/b": b"two"}, result)


@check("outputs come back from a failed run, too")
async def _outputs_of_failure(sandbox: Sandbox) -> None:
    result = await sandbox.run(["sh", "-c", "printf log > log; exit 3"], outputs=["log"], limits=LIMITS)
    expect(result.outputs == {"log": b"log"} and result.exit_code == 3, result)


@check("links, pipes, folders and giants do not come back")
async def _odd_outputs(sandbox: Sandbox) -> None:
    program = "ln -s /etc/hostname link; mkfifo pipe; mkdir folder; printf x > two; ln two names; ln -s / root"
    names = ["link", "pipe", "folder", "two", "names", "root/etc/hostname"]
    result = await sandbox.run(["sh", "-c", program], outputs=names, limits=LIMITS)
    expect(result.ok and result.outputs == {}, result)
