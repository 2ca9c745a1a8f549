"""What a sandboxed run costs over a bare process: medians of interleaved rounds.

    python benchmarks/sandbox_overhead.py [rounds]

`bare` is subprocess.run; `plain bwrap` adds bwrap with seccomp and rlimits; `launcher` adds the inode-capped tmpfs:
the whole command line without our supervisor; `run` is Sandbox.run of the bubblewrap tier with staging, pipes,
watchdog and collection; `docker fresh` and `docker warm` are Sandbox.run of the docker tier, where a daemon answers;
`session` is start to first reply.
"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nightforge.domain.limits import Limits
from nightforge.domain.ports import Sandbox
from nightforge.errors import NightforgeError
from sandbox.box import CLEAN_ENVIRONMENT, Boxing, Launcher, command_line, inner_arguments
from sandbox.bubblewrap import BubblewrapSandbox, drop_target
from sandbox.docker import DockerSandbox
from sandbox.docker_engine import Engine
from sandbox.images import ensure_image
from sandbox.launch import memory_file
from sandbox.seccomp import default_filter
from sandbox.staging import Staging, stage

LIMITS = Limits()
PROGRAMS: Mapping[str, Sequence[str]] = {
    "true": ("/usr/bin/true",),
    "python print": ("/usr/bin/python3", "-I", "-S", "-c", "print(1)"),
    "compile and run": ("/bin/sh", "-c", "cd ${HOME:-/tmp} && gcc -O1 -x c -o a - && ./a"),
}
PROGRAM = b"int main(void){return 0;}"
_WARM_WAIT_S = 20.0


def bare(argv: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as home:
        subprocess.run(
            argv, input=PROGRAM, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin", "HOME": home}
        )


def launcher(argv: Sequence[str], staging: Staging, *, capped: bool) -> None:
    """The command line with seccomp and rlimits, and nothing of ours around it.

    Without `capped` the outer namespace with its inode-capped tmpfs is left out: what bwrap alone costs.
    """
    arguments = memory_file("\0".join(inner_arguments(staging, as_pid_1=False)).encode(), "arguments")
    rules = memory_file(default_filter(), "filter")
    null = os.open("/dev/null", os.O_WRONLY)
    gate, word = os.pipe()
    os.write(word, b"go")
    numbers = {"arguments": arguments, "filter": rules, "info": null, "block": gate}
    starter = Launcher()
    line = command_line(Boxing(argv, staging, LIMITS, inherited=(), drop_to=drop_target()), starter, numbers)
    if not capped:
        first = line.index(starter.outer_arguments()[0])
        line = line[:first] + line[line.index(starter.bwrap) :]
    try:
        given = tuple(numbers.values())
        subprocess.run(line, input=PROGRAM, capture_output=True, check=True, env=CLEAN_ENVIRONMENT, pass_fds=given)
    finally:
        for number in (*numbers.values(), word):
            os.close(number)


def session(sandbox: Sandbox) -> None:
    with sandbox.start(["/usr/bin/cat"], limits=LIMITS) as running:
        running.send(b"x")
        assert running.receive(1, 10.0) == b"x"


def timed_ms(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time, and CPU time of the children, which a loaded machine does not stretch as much."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    work()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * wall, 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def docker_sandboxes() -> dict[str, DockerSandbox]:
    """Empty where no daemon answers."""
    engine = Engine()
    try:
        engine.check()
        image = ensure_image(engine)
    except NightforgeError as error:
        print(f"no docker rows: {error}")
        return {}
    return {
        "docker fresh": DockerSandbox(image, engine=engine),
        "docker warm": DockerSandbox(image, engine=engine, warm=1),
    }


def wait_for_warm(sandbox: DockerSandbox) -> None:
    """A container waits before the clock starts: that is what the row measures."""
    deadline = time.monotonic() + _WARM_WAIT_S
    while sandbox.waiting < sandbox.warm and time.monotonic() < deadline:
        time.sleep(0.005)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 41
    bubblewrap, dockers = BubblewrapSandbox(), docker_sandboxes()
    loop = asyncio.new_event_loop()
    timings: dict[str, list[tuple[float, float]]] = {}

    def sample(name: str, work: Callable[[], object]) -> None:
        timings.setdefault(name, []).append(timed_ms(work))

    def run(sandbox: Sandbox, argv: Sequence[str]) -> None:
        result = loop.run_until_complete(sandbox.run(argv, stdin=PROGRAM, limits=LIMITS))
        assert result.ok, result

    if dockers:
        run(dockers["docker warm"], PROGRAMS["true"])
    with stage({}, world_readable=drop_target() is not None) as staging:
        for folder in ("box", "tmp", "shm"):  # on disk, for the row that mounts no tmpfs
            (staging.writable / folder).mkdir()
            (staging.writable / folder).chmod(0o1777)
        for _ in range(rounds):
            for name, argv in PROGRAMS.items():
                sample(f"{name}: bare", partial(bare, argv))
                sample(f"{name}: plain bwrap", partial(launcher, argv, staging, capped=False))
                sample(f"{name}: launcher", partial(launcher, argv, staging, capped=True))
                sample(f"{name}: run", partial(run, bubblewrap, argv))
                for tier, sandbox in dockers.items():
                    wait_for_warm(sandbox)
                    sample(f"{name}: {tier}", partial(run, sandbox, argv))
            sample("session to first reply", partial(session, bubblewrap))
            for tier, sandbox in dockers.items():
                wait_for_warm(sandbox)
                sample(f"session to first reply: {tier}", partial(session, sandbox))
    loop.close()
    show(timings, rounds)


def show(timings: Mapping[str, list[tuple[float, float]]], rounds: int) -> None:
    load = os.getloadavg()[0]
    print(f"{platform.release()}, {os.cpu_count()} cores, load {load:.1f}, uid {os.geteuid()}, n={rounds}")
    print(f"{'ms':36}   best median    p95   over bare: best median   CPU median")
    for name, pairs in timings.items():
        walls = sorted(wall for wall, _ in pairs)
        base = timings.get(f"{name.split(':')[0]}: bare")
        over = ""
        if base:
            bare_walls = [wall for wall, _ in base]
            best, median = walls[0] - min(bare_walls), statistics.median(walls) - statistics.median(bare_walls)
            over = f"{best:+6.1f} {median:+6.1f}"
        cpu = statistics.median(cpu for _, cpu in pairs)
        shown = f"{walls[0]:6.1f} {statistics.median(walls):6.1f} {walls[int(0.95 * len(walls))]:6.1f}"
        print(f"{name:36} {shown}            {over:13} {cpu:8.1f}")


if __name__ == "__main__":
    main()
