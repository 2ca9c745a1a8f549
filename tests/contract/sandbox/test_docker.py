"""What the docker tier promises beyond the suite: it kills in time, it leaves nothing, and what is warm is unused."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nightforge.domain.limits import MIB, ExitReason, Limits
from nightforge.domain.words import SandboxChoice, SandboxTier
from nightforge.errors import SandboxUnavailable
from sandbox import open_sandbox, probe
from sandbox.docker import DockerSandbox
from sandbox.docker_engine import OWNER_LABEL, Engine, owner_word
from sandbox.images import ensure_image

pytestmark = pytest.mark.box
LIMITS = Limits()


def containers() -> dict[str, str]:
    return dict(Engine().owned())


def until(done: Callable[[], bool], *, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def commands_with(word: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if word.encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


async def test_docker_is_taken_where_bubblewrap_does_not_work(
    docker: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "BWRAP", "/nowhere/bwrap")
    assert open_sandbox().tier is SandboxTier.DOCKER
    assert open_sandbox(tier=SandboxChoice.DOCKER).tier is docker.tier


def test_an_image_that_is_not_there_is_named(docker: DockerSandbox) -> None:
    assert docker.tier is SandboxTier.DOCKER
    with pytest.raises(SandboxUnavailable, match="'no-such-image'") as caught:
        open_sandbox(tier=SandboxChoice.DOCKER, docker_image="no-such-image")
    assert "sandbox.images" in caught.value.hint


_CAMPAIGN = """
import asyncio, sys
from nightforge.domain.limits import Limits
from nightforge.domain.words import SandboxChoice
from sandbox import open_sandbox
box = open_sandbox(tier=SandboxChoice.DOCKER, docker_warm=1)
asyncio.run(box.run(["sh", "-c", f"setsid sleep {sys.argv[1]} & sleep {sys.argv[1]}"], limits=Limits(wall_s=300)))
"""


def test_a_killed_campaign_leaves_no_container(docker: DockerSandbox) -> None:
    """SIGKILL of the platform, with one program running and one container waiting."""
    before = set(containers())
    marker = f"7{secrets.randbelow(10**9)}.25"
    campaign = subprocess.Popen([sys.executable, "-c", _CAMPAIGN, marker], cwd=Path(__file__).parents[3])
    try:
        until(lambda: len([pid for pid in commands_with(marker) if pid != campaign.pid]) >= 3)
        until(lambda: len(set(containers()) - before) >= 2)
    finally:
        campaign.send_signal(signal.SIGKILL)
        campaign.wait()
    until(lambda: not commands_with(marker))
    until(lambda: not set(containers()) - before)


def test_what_another_process_left_is_swept_and_what_lives_is_kept(docker: DockerSandbox) -> None:
    engine = Engine()
    image = ensure_image(engine).reference
    made = {}
    for owner in ("4194305:1", owner_word()):
        config = {"Image": image, "Entrypoint": ["/.nightforge/init"], "Labels": {OWNER_LABEL: owner}}
        made[owner] = engine.create(f"nightforge-test-{secrets.token_hex(6)}", config)
    try:
        open_sandbox(tier=SandboxChoice.DOCKER)
        left = set(containers())
        assert made["4194305:1"] not in left
        assert made[owner_word()] in left
    finally:
        for container in made.values():
            engine.remove(container)


async def test_the_kernel_bounds_the_memory_that_a_burst_takes(docker: DockerSandbox) -> None:
    """Between two samples of the watchdog; the control group holds it, and the reason is named."""
    program = "import ctypes\nb=ctypes.create_string_buffer(3<<30)\nctypes.memset(b,1,3<<30)\nprint('took it')"
    limits = Limits(memory_bytes=64 * MIB, address_space_bytes=None)
    result = await docker.run(["python3", "-I", "-S", "-c", program], limits=limits)
    assert result.reason is ExitReason.MEMORY_LIMIT
    assert b"took it" not in result.stdout


async def test_the_init_is_out_of_the_programs_reach(docker: DockerSandbox) -> None:
    program = (
        "import os\n"
        "ways={'mem': lambda p: open(p,'rb+').read(1), 'environ': lambda p: open(p).read(1), 'fd': os.listdir,"
        " 'maps': lambda p: open(p).read(1), 'root': os.readlink, 'cwd': os.readlink}\n"
        "for name, way in ways.items():\n"
        " try: way('/proc/1/'+name); print(name)\n"
        " except OSError: pass\n"
        "os.kill(1,9)\n"
        "print('alive')\n"
    )
    result = await docker.run(["python3", "-I", "-S", "-c", program], limits=LIMITS)
    assert result.stdout == b"alive\n", result


async def test_what_is_warm_was_never_used(docker: DockerSandbox) -> None:
    box = open_sandbox(tier=SandboxChoice.DOCKER, docker_warm=1)
    assert isinstance(box, DockerSandbox)
    assert docker.tier is box.tier
    pool = box._warm
    assert pool is not None

    def filled() -> bool:
        return len(pool._state.ready) == 1

    seen = set()
    for number in range(3):
        files = {"word": str(number).encode()}
        program = "cat /job/word; ls -A /box/ /tmp/ | grep -c old; touch /box/old /tmp/old; cat /proc/self/mountinfo"
        result = await box.run(["sh", "-c", program], files=files, limits=LIMITS)
        lines = result.stdout.decode().splitlines()
        assert lines[0] == f"{number}0", result
        seen.add(next(line for line in lines if " / / " in line))
        await asyncio.to_thread(until, filled)
    assert len(seen) == 3, "a container served two programs"
    waiting = pool._state.ready[0]
    pool.close()
    await asyncio.to_thread(until, lambda: waiting.shell.container not in containers())
    assert not waiting.staging.root.exists()
    assert (await box.run(["true"], limits=LIMITS)).ok, "a closed pool is no end of the sandbox"
