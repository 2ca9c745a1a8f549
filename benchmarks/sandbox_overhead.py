"""What a sandboxed run costs over a bare process: medians of interleaved rounds.

    python benchmarks/sandbox_overhead.py [rounds]

`bare` is subprocess.run; `launcher` is the same program through the whole bwrap command line without our
supervisor; `run` is Sandbox.run with staging, pipes, watchdog and collection; `session` is start to first reply.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from nightforge.domain.limits import Limits
from sandbox.box import CLEAN_ENVIRONMENT, Boxing, Launcher, command_line, inner_arguments
from sandbox.bubblewrap import BubblewrapSandbox, drop_target
from sandbox.launch import memory_file
from sandbox.seccomp import default_filter
from sandbox.staging import Staging, stage

LIMITS = Limits()
PROGRAMS: Mapping[str, Sequence[str]] = {
    "true": ("/usr/bin/true",),
    "python print": ("/usr/bin/python3", "-I", "-S", "-c", "print(1)"),
}


def bare(argv: Sequence[str]) -> None:
    subprocess.run(argv, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})


def launcher(argv: Sequence[str], staging: Staging) -> None:
    """The two bwraps, the mount and prlimit with seccomp, and nothing of ours around them."""
    arguments = memory_file("\0".join(inner_arguments(staging, as_pid_1=False)).encode(), "arguments")
    rules = memory_file(default_filter(), "filter")
    null = os.open("/dev/null", os.O_WRONLY)
    gate, word = os.pipe()
    os.write(word, b"go")
    numbers = {"arguments": arguments, "filter": rules, "info": null, "block": gate}
    line = command_line(Boxing(argv, staging, LIMITS, inherited=(), drop_to=drop_target()), Launcher(), numbers)
    try:
        given = tuple(numbers.values())
        subprocess.run(line, capture_output=True, check=True, env=CLEAN_ENVIRONMENT, pass_fds=given)
    finally:
        for number in (*numbers.values(), word):
            os.close(number)


def session(sandbox: BubblewrapSandbox) -> None:
    with sandbox.start(["/usr/bin/cat"], limits=LIMITS) as running:
        running.send(b"x")
        assert running.receive(1, 10.0) == b"x"


def timed_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 41
    sandbox = BubblewrapSandbox()
    loop = asyncio.new_event_loop()
    timings: dict[str, list[float]] = {}

    def sample(name: str, work: Callable[[], object]) -> None:
        timings.setdefault(name, []).append(timed_ms(work))

    def run(argv: Sequence[str]) -> None:
        result = loop.run_until_complete(sandbox.run(argv, limits=LIMITS))
        assert result.ok, result

    with stage({}, world_readable=drop_target() is not None) as staging:
        for _ in range(rounds):
            for name, argv in PROGRAMS.items():
                sample(f"{name}: bare", lambda argv=argv: bare(argv))  # type: ignore[misc]
                sample(f"{name}: launcher", lambda argv=argv: launcher(argv, staging))  # type: ignore[misc]
                sample(f"{name}: run", lambda argv=argv: run(argv))  # type: ignore[misc]
            sample("session to first reply", lambda: session(sandbox))
    loop.close()

    load = os.getloadavg()[0]
    print(f"{platform.release()}, {os.cpu_count()} cores, load {load:.1f}, uid {os.geteuid()}, n={rounds}")
    print(f"{'':28} median    p95   over bare (ms)")
    for name, values in timings.items():
        values.sort()
        median = statistics.median(values)
        kind = name.split(":")[0]
        base = timings.get(f"{kind}: bare")
        over = f"{median - statistics.median(base):+6.1f}" if base else ""
        print(f"{name:28} {median:6.1f} {values[int(0.95 * len(values))]:6.1f}   {over}")


if __name__ == "__main__":
    main()
