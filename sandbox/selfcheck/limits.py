"""Checks on limits: each is reached, named as the cause, and enforced on the whole tree."""

from __future__ import annotations

import time

from nightforge.domain.limits import MIB, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from sandbox.selfcheck.framework import LIMITS, PYTHON, check, expect, expect_reason


@check("wall time ends a sleeper")
async def _wall(sandbox: Sandbox) -> None:
    began = time.monotonic()
    result = await sandbox.run(["sleep", "60"], limits=Limits(wall_s=0.4))
    expect_reason(result, ExitReason.WALL_LIMIT)
    expect(result.wall_s >= 0.4 and time.monotonic() - began < 5, result)


@check("wall time ends a program that ignores signals and has closed its pipes")
async def _deaf(sandbox: Sandbox) -> None:
    program = (
        "import os,signal\nfor n in range(1,65):\n try: signal.signal(n,signal.SIG_IGN)\n except Exception: pass\n"
    )
    program += "os.close(0);os.close(1);os.close(2)\nwhile True: pass"
    expect_reason(await sandbox.run([*PYTHON, program], limits=Limits(wall_s=0.5)), ExitReason.WALL_LIMIT)


@check("CPU time ends a spinner")
async def _cpu(sandbox: Sandbox) -> None:
    result = await sandbox.run([*PYTHON, "while True: pass"], limits=Limits(wall_s=15, cpu_s=1))
    expect_reason(result, ExitReason.CPU_LIMIT)


@check("CPU time is counted over the tree")
async def _tree_cpu(sandbox: Sandbox) -> None:
    program = "import os\nos.fork();os.fork()\nwhile True: pass"
    result = await sandbox.run([*PYTHON, program], limits=Limits(wall_s=15, cpu_s=2))
    expect_reason(result, ExitReason.CPU_LIMIT)
    expect(result.cpu_s < 4, result)


@check("an output flood ends the run and is cut")
async def _flood(sandbox: Sandbox) -> None:
    for redirection in ("", " >&2"):
        result = await sandbox.run(["sh", "-c", f"yes{redirection}"], limits=Limits(output_bytes=50_000))
        expect_reason(result, ExitReason.OUTPUT_LIMIT)
        expect(len(result.stdout) + len(result.stderr) == 50_000, len(result.stdout))


@check("memory of one process is limited")
async def _memory(sandbox: Sandbox) -> None:
    program = "b=[]\nwhile True: b.append(b'x'*(1<<20))"
    result = await sandbox.run([*PYTHON, program], limits=Limits(memory_bytes=96 * MIB))
    expect_reason(result, ExitReason.MEMORY_LIMIT)


@check("memory over the tree is limited")
async def _tree_memory(sandbox: Sandbox) -> None:
    program = (
        "import os,time\nfor _ in range(12):\n if not os.fork():\n  b=b'x'*(20<<20);time.sleep(30)\ntime.sleep(30)"
    )
    result = await sandbox.run([*PYTHON, program], limits=Limits(memory_bytes=128 * MIB))
    expect_reason(result, ExitReason.MEMORY_LIMIT)


@check("shared memory of forked processes is counted once")
async def _shared_memory(sandbox: Sandbox) -> None:
    program = "import os,time\nb=b'x'*(40<<20)\nfor _ in range(6):\n if not os.fork(): time.sleep(0.4); os._exit(0)\n"
    program += "for _ in range(6): os.wait()"
    result = await sandbox.run([*PYTHON, program], limits=Limits(memory_bytes=128 * MIB))
    expect(result.ok, result)


@check("address space is limited")
async def _address_space(sandbox: Sandbox) -> None:
    limits = Limits(address_space_bytes=256 * MIB)
    result = await sandbox.run([*PYTHON, "bytearray(1<<30)"], limits=limits)
    expect(result.reason is ExitReason.EXITED and b"MemoryError" in result.stderr, result)


@check("file size is limited")
async def _file_size(sandbox: Sandbox) -> None:
    limits = Limits(file_bytes=MIB)
    result = await sandbox.run(["dd", "if=/dev/zero", "of=big", "bs=64k", "count=64"], limits=limits)
    expect_reason(result, ExitReason.DISK_LIMIT)


@check("limits cannot be raised from inside")
async def _hard_limits(sandbox: Sandbox) -> None:
    result = await sandbox.run(["sh", "-c", "ulimit -f unlimited || ulimit -n 4000"], limits=LIMITS)
    expect(not result.ok and result.reason is ExitReason.EXITED, result)


@check("the number of processes is limited, exactly", strong=True)
async def _processes(sandbox: Sandbox) -> None:
    program = "import os,time\nn=1\ntry:\n while True:\n  if not os.fork(): time.sleep(20); os._exit(0)\n  n+=1\n"
    program += "except BlockingIOError: print(n)"
    result = await sandbox.run([*PYTHON, program], limits=Limits(processes=12))
    expect(result.stdout == b"12\n", result)


@check("private memory is capped in bytes, over all its folders", strong=True)
async def _bytes_cap(sandbox: Sandbox) -> None:
    program = (
        "for d in /box /tmp /dev/shm; do for n in 1 2 3 4; do head -c 1048576 /dev/zero > $d/$n || exit 5; done; done"
    )
    result = await sandbox.run(["sh", "-c", program], limits=Limits(writable_bytes=8 * MIB))
    expect_reason(result, ExitReason.DISK_LIMIT)
    result = await sandbox.run(["sh", "-c", program], limits=Limits(writable_bytes=13 * MIB))
    expect(result.ok, result)


@check("private memory is capped in inodes", strong=True)
async def _inode_cap(sandbox: Sandbox) -> None:
    program = "n=0\ntry:\n while n<9000:\n  open(f'/tmp/{n}','w').close();n+=1\nfinally: print(n)"
    result = await sandbox.run([*PYTHON, program], limits=Limits(writable_inodes=500))
    expect(result.reason is ExitReason.DISK_LIMIT and result.stdout == b"500\n", result)
