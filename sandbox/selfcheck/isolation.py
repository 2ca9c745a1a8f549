"""Checks on what a program can reach, and on its end."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path

from nightforge.domain.limits import ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import SandboxTier
from nightforge.errors import SandboxUnavailable
from sandbox.platform import find_tool
from sandbox.selfcheck.framework import (
    LIMITS,
    PYTHON,
    Broken,
    appeared,
    check,
    content_of,
    expect,
    expect_reason,
    gone,
    host_file,
    marker,
)

_KNOWN_VARIABLES = {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "NIGHTFORGE_RUN"}


@check("the environment holds nothing of ours")
async def _environment(sandbox: Sandbox) -> None:
    result = await sandbox.run(["env"], limits=LIMITS)
    names = {line.split("=")[0] for line in result.stdout.decode().splitlines()}
    expect("PATH" in names and names <= _KNOWN_VARIABLES, names)


@check("no process environment in reach holds anything of ours", strong=True)
async def _all_environments(sandbox: Sandbox) -> None:
    program = "cat /proc/[0-9]*/environ | tr '\\0' '\\n'"
    result = await sandbox.run(["sh", "-c", program], limits=LIMITS)
    names = {line.split("=")[0] for line in result.stdout.decode().splitlines() if line}
    expect("PATH" in names and names <= _KNOWN_VARIABLES, names)


@check("only 0, 1 and 2 are open")
async def _descriptors(sandbox: Sandbox) -> None:
    reader, writer = os.pipe()
    try:
        os.set_inheritable(writer, True)
        program = "import os\nprint(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])"
        result = await sandbox.run([*PYTHON, program], limits=LIMITS)
    finally:
        os.close(reader)
        os.close(writer)
    expect(result.stdout == b"[0, 1, 2]\n", result)


@check("the network is out of reach", strong=True)
async def _network(sandbox: Sandbox) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4)
        listener.setblocking(False)
        port = listener.getsockname()[1]
        program = (
            "import socket\n"
            f"try:\n socket.create_connection(('127.0.0.1',{port}),1)\n print('reached')\n"
            "except OSError as e: print('refused')\n"
        )
        result = await sandbox.run([*PYTHON, program], limits=LIMITS)
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            expect(result.stdout == b"refused\n", result)
            return
    raise Broken("a connection arrived")


@check("a run that asks for the network gets it or is refused before it starts")
async def _asked_network(sandbox: Sandbox) -> None:
    try:
        await sandbox.run(["true"], limits=LIMITS, network=True)
    except SandboxUnavailable:
        return
    expect(sandbox.tier in {SandboxTier.UNSAFE_LOCAL, SandboxTier.DOCKER}, sandbox.tier)


@check("host files are out of reach", strong=True)
async def _host_files(sandbox: Sandbox) -> None:
    # An engine puts names of its own into /etc; what counts is that they say nothing of this machine.
    program = (
        'find /home /root /var /run /sys /boot -mindepth 1 2>/dev/null; ls "$0" 2>/dev/null; echo x > "$0"; '
        "for f in /etc/*; do test -s $f && echo $f; done; cat /etc/hostname /etc/hosts /etc/resolv.conf /etc/shadow"
    )
    with host_file(b"", mode=0o666) as path:
        result = await sandbox.run(["sh", "-c", program, str(path)], limits=LIMITS)
        expect(content_of(path) == b"", "a host file was written")
    expect(set(result.stdout.decode().split()) <= {"/etc/alternatives", "/etc/ld.so.cache", "/etc/mtab"}, result)


@check("the system cannot be written", strong=True)
async def _read_only(sandbox: Sandbox) -> None:
    folders = "/ /usr /usr/bin /etc /dev /proc /proc/sys/kernel /job"
    program = f"for p in {folders}; do touch $p/nf 2>/dev/null && echo $p; done; true"
    result = await sandbox.run(["sh", "-c", program], limits=LIMITS)
    expect(result.ok and result.stdout == b"", result)


@check("other processes are invisible", strong=True)
async def _processes_hidden(sandbox: Sandbox) -> None:
    result = await sandbox.run(["sh", "-c", "ls -d /proc/[0-9]* | wc -l"], limits=LIMITS)
    expect(result.ok and int(result.stdout) <= 5, result)


@check("no capability, no new privileges, a seccomp filter", strong=True)
async def _privileges(sandbox: Sandbox) -> None:
    program = "grep -E '^(Cap(Eff|Prm|Bnd|Inh|Amb)|NoNewPrivs|Seccomp):' /proc/self/status; id -u"
    result = await sandbox.run(["sh", "-c", program], limits=LIMITS)
    lines = dict(line.split(":\t") for line in result.stdout.decode().splitlines()[:-1])
    capabilities = [int(value, 16) for name, value in lines.items() if name.startswith("Cap")]
    expect(len(capabilities) == 5 and not any(capabilities), result)
    expect(lines.get("NoNewPrivs") == "1" and lines.get("Seccomp") == "2", result)
    expect(result.stdout.decode().splitlines()[-1] != "0", result)


@check("no new namespace", strong=True)
async def _namespaces(sandbox: Sandbox) -> None:
    for option in ("--user", "--mount", "--net", "--pid"):
        result = await sandbox.run(["unshare", option, "true"], limits=LIMITS)
        expect(result.reason is ExitReason.EXITED and result.exit_code not in {0, 127}, result)


@check("sockets only between own processes", strong=True)
async def _sockets(sandbox: Sandbox) -> None:
    program = (
        "import socket\n"
        "def able(*a):\n try: socket.socket(*a).close(); return 1\n except OSError: return 0\n"
        "print(able(socket.AF_UNIX), able(socket.AF_INET), able(socket.AF_INET6), able(socket.AF_NETLINK),"
        " able(socket.AF_PACKET, socket.SOCK_RAW))"
    )
    result = await sandbox.run([*PYTHON, program], limits=LIMITS)
    expect(result.stdout == b"1 0 0 0 0\n", result)


@check("a daemon dies with the run")
async def _daemon(sandbox: Sandbox) -> None:
    name = marker()
    daemon = f"setsid sh -c 'setsid sleep {name} & sleep {name}' >/dev/null 2>&1 </dev/null &"
    # Where other processes can be seen, one may end between its name's being listed and read: cat minds, we do not.
    result = await sandbox.run(["sh", "-c", f"{daemon} sleep 0.3; cat /proc/*/cmdline || true"], limits=LIMITS)
    expect(result.ok and f"sleep\0{name}\0".encode() in result.stdout, result)
    await gone(name)


@check("a killed run leaves nothing")
async def _killed(sandbox: Sandbox) -> None:
    name = marker()
    result = await sandbox.run(["sh", "-c", f"setsid sleep {name} & sleep {name}"], limits=Limits(wall_s=0.4))
    expect_reason(result, ExitReason.WALL_LIMIT)
    await gone(name)


@check("a cancelled run leaves nothing")
async def _cancelled(sandbox: Sandbox) -> None:
    name = marker()
    run = asyncio.ensure_future(sandbox.run(["sleep", name], limits=Limits(wall_s=60)))
    await appeared(name)
    run.cancel()
    began = time.monotonic()
    try:
        await run
    except asyncio.CancelledError:
        expect(time.monotonic() - began < 5, "cancelling took long")
        await gone(name)
        return
    raise Broken("the cancelled run returned")


@check("concurrent runs do not see each other's files")
async def _concurrent(sandbox: Sandbox) -> None:
    async def one(word: str) -> bool:
        program = f"echo {word} > mine; sleep 0.2; cat mine; ls | wc -l"
        result = await sandbox.run(["sh", "-c", program], limits=LIMITS)
        return result.stdout.split() == [word.encode(), b"1"]

    expect(all(await asyncio.gather(*(one(f"word{n}") for n in range(6)))), "files were shared")


@check("a C compiler works inside")
async def _compiler(sandbox: Sandbox) -> None:
    if find_tool("gcc") is None:
        return
    source = b'#include <stdio.h>\n#include <math.h>\nint main(int c,char**v){printf("%.3f",sqrt(c+1.0));}'
    program = "gcc -O2 /job/a.c -o a -lm && ./a"
    result = await sandbox.run(["sh", "-c", program], files={"a.c": source}, limits=LIMITS)
    expect(result.ok and result.stdout == b"1.414", result)


@check("nothing of a run stays in the staging folder")
async def _no_leftovers(sandbox: Sandbox) -> None:
    name = f"leftover{marker()}"
    await sandbox.run(["true"], files={name: b"x"}, limits=LIMITS)
    found = await asyncio.to_thread(lambda: list(Path("/tmp").glob(f"nightforge-box-*/*/{name}")))
    expect(not found, "staged files remain")
