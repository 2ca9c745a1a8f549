"""Every tier against the shipped conformance suite, and the suite against a tier that cannot hold it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.box import Launcher, OuterStage
from sandbox.bubblewrap import BubblewrapSandbox, drop_target
from sandbox.docker import DockerSandbox
from sandbox.docker_engine import Engine, owner_word
from sandbox.local import LocalSandbox
from sandbox.selfcheck import Check, all_checks, check_sandbox, run_check

pytestmark = pytest.mark.box

CHECKS = all_checks()
STRONG = [check for check in CHECKS if check.strong]
PLAIN = [check for check in CHECKS if not check.strong]

# These fail on the unsafe tier whoever runs it; the other strong ones also depend on the user.
BROKEN_BY_LOCAL = {
    "the network is out of reach",
    "other processes are invisible",
    "no capability, no new privileges, a seccomp filter",
    "no new namespace",
    "sockets only between own processes",
    "private memory is capped in bytes, over all its folders",
    "private memory is capped in inodes",
    "host files are out of reach",
}
NO_ROOT = 60734


def _name(check: Check) -> str:
    return check.name


@pytest.fixture(scope="module")
def bubblewrap() -> BubblewrapSandbox:
    return BubblewrapSandbox()


@pytest.fixture(scope="module")
def nested_bubblewrap() -> BubblewrapSandbox:
    return BubblewrapSandbox(Launcher(outer=OuterStage.BWRAP))


@pytest.fixture(scope="module")
def local() -> LocalSandbox:
    return LocalSandbox(drop_target())


def test_the_suite_is_not_small() -> None:
    assert len(CHECKS) >= 40
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert {check.name for check in STRONG} >= BROKEN_BY_LOCAL


@pytest.mark.parametrize("check", CHECKS, ids=_name)
async def test_bubblewrap(check: Check, bubblewrap: BubblewrapSandbox) -> None:
    result = await run_check(check, bubblewrap)
    assert result.ok, result.detail


@pytest.mark.parametrize("check", CHECKS, ids=_name)
async def test_docker(check: Check, docker: DockerSandbox) -> None:
    result = await run_check(check, docker)
    assert result.ok, result.detail


def test_docker_leaves_no_container(docker: DockerSandbox) -> None:
    """After all of the above; the daemon removes what has ended by itself, a moment later."""
    deadline = time.monotonic() + 20
    while own := [one for one, owner in Engine().owned() if owner == owner_word()]:
        assert time.monotonic() < deadline, own
        time.sleep(0.1)


@pytest.mark.parametrize("check", STRONG, ids=_name)
async def test_bubblewrap_where_only_bwrap_may_make_namespaces(
    check: Check, nested_bubblewrap: BubblewrapSandbox
) -> None:
    result = await run_check(check, nested_bubblewrap)
    assert result.ok, result.detail


@pytest.mark.parametrize("check", PLAIN, ids=_name)
async def test_unsafe_local(check: Check, local: LocalSandbox) -> None:
    result = await run_check(check, local)
    assert result.ok, result.detail


@pytest.mark.parametrize("check", [check for check in STRONG if check.name in BROKEN_BY_LOCAL], ids=_name)
async def test_strong_checks_can_fail(check: Check, local: LocalSandbox) -> None:
    result = await run_check(check, local)
    assert not result.ok
    assert result.detail


async def test_the_tier_decides_which_checks_are_asked(local: LocalSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.selfcheck.framework.CHECKS", [PLAIN[0], STRONG[0]])
    assert [result.name for result in await check_sandbox(local)] == [PLAIN[0].name]
    assert [result.name for result in await check_sandbox(local, strong=True)] == [PLAIN[0].name, STRONG[0].name]


_AS_ORDINARY_USER = """
import asyncio, json, os, sys
from nightforge.domain.words import SandboxChoice
from sandbox import open_sandbox
from sandbox.selfcheck import check_sandbox
assert os.geteuid() != 0
box = open_sandbox(tier=SandboxChoice(sys.argv[1]))
failed = [(r.name, r.detail) for r in asyncio.run(check_sandbox(box)) if not r.ok]
print(json.dumps([box.tier, failed]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests here already run as an ordinary user")
def test_bubblewrap_without_root() -> None:
    _check_without_root("bubblewrap", ["--clear-groups"])


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests here already run as an ordinary user")
def test_docker_without_root(docker: DockerSandbox) -> None:
    """As a member of the group that may talk to the daemon."""
    group = Path(Engine().address.removeprefix("unix://")).stat().st_gid
    assert docker.tier == "docker"
    _check_without_root("docker", ["--groups", str(group)])


def _check_without_root(tier: str, groups: list[str]) -> None:
    """The whole suite in a process of another user; its interpreter must not lie in root's home."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, f"/usr/bin/python{here}"]
    drop = ["setpriv", "--reuid", str(NO_ROOT), "--regid", str(NO_ROOT), *groups, "--"]
    packages = [path for path in sys.path if "site-packages" in path]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": ":".join([str(Path(__file__).parents[3]), *packages]),
    }
    for python in candidates:
        able = subprocess.run([*drop, python, "-c", "import pydantic"], env=environment, capture_output=True, cwd="/")
        if able.returncode == 0:
            break
    else:
        pytest.skip(f"no Python {here} with our packages can be run by an ordinary user")
    done = subprocess.run(
        [*drop, python, "-c", _AS_ORDINARY_USER, tier], env=environment, capture_output=True, cwd="/", timeout=240
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [tier, []]
