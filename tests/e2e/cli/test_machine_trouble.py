"""What the machine can do to a campaign: what is said, with which exit code, and that nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Protocol

import pytest
from protocol_server import ProtocolServer
from protocol_server.behaviours import error

pytestmark = pytest.mark.box
RUN = ("run", "climb the hill to its peak", "--task", "toy-peak", "--yes")
HIDE = 'mount --bind /dev/null "$0" && exec "$@"'
FILL = """
mount -t tmpfs -o size=1100k tmpfs "$NIGHTFORGE_HOME" || exit 99
"$0" run "climb the hill to its peak" --task toy-peak --evaluations 60 --yes >/dev/null; echo "first: $?" >&2
mount -o remount,size=64m "$NIGHTFORGE_HOME"
"$0" list --json
"$0" resume --json -q; echo "second: $?" >&2
"""


def may_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not may_mount(), reason="hiding a file or filling a disk needs the right to mount")


class Ended(Protocol):
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]: ...


class Program(Protocol):
    home: Path

    def with_environment(self, **more: str) -> Program: ...
    def behind(self, *prefix: str) -> Program: ...
    def start(self, *arguments: str) -> subprocess.Popen[str]: ...
    def run(self, *arguments: str) -> Ended: ...


class Finished(Protocol):
    program: Program


def explained(ended: Ended) -> bool:
    """what, where, hint; no traceback, and no fault of ours."""
    said = re.search(r"^error: .+\n  where: .+\n  hint: .+", ended.err, re.M)
    return said is not None and "Traceback" not in ended.err and "internal fault" not in ended.err


@needs_mounts
@pytest.mark.parametrize("arguments", [RUN, ("eval", "x", "--task", "toy-peak")], ids=["run", "eval"])
def test_6_without_any_tier_the_package_is_named(program: Program, arguments: tuple[str, ...]) -> None:
    program.home.mkdir()
    (program.home.parent / "x").write_text("X = 1\nY = 1\n")
    without = program.with_environment(DOCKER_HOST="unix:///nowhere/docker.sock")
    hidden = without.behind("unshare", "-m", "sh", "-c", HIDE, "/usr/bin/bwrap")
    ended = hidden.run(*arguments)
    assert ended.code == 6
    assert explained(ended)
    assert "apt-get install bubblewrap" in ended.err
    assert hidden.run("doctor").code == 6


@needs_mounts
def test_6_without_a_compiler_the_package_is_named(program: Program) -> None:
    compiler = str(Path("/usr/bin/gcc").resolve())
    hidden = program.behind("unshare", "-m", "sh", "-c", HIDE, compiler)
    ended = hidden.run("run", "fast softmax over one row of 16 million floats", "--yes")
    assert ended.code == 6
    assert explained(ended)
    assert "gcc" in ended.err
    examined = hidden.run("doctor")
    assert examined.code == 6
    assert "apt-get install gcc libc6-dev" in examined.out


@needs_mounts
def test_1_a_home_that_is_read_only(program: Program) -> None:
    program.home.mkdir()
    freeze = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    ended = program.behind("unshare", "-m", "sh", "-c", freeze, str(program.home)).run(*RUN)
    assert ended.code == 1
    assert explained(ended)
    assert "NIGHTFORGE_HOME" in ended.err


@needs_mounts
def test_1_a_full_disk_loses_nothing_and_resume_goes_on(program: Program) -> None:
    program.home.mkdir()
    ended = program.behind("unshare", "-m", "sh", "-c", FILL).run()
    assert "first: 1" in ended.err, ended.err
    assert "second: 0" in ended.err, ended.err
    assert "error: the disk is full" in ended.err
    assert "internal fault" not in ended.err
    before, *_, done = ended.records
    assert f"nightforge resume {before['campaign_id']}" in ended.err
    had, has = before["tally"], done["tally"]
    assert isinstance(had, dict)
    assert isinstance(has, dict)
    assert 0 < had["evaluations"] < has["evaluations"] == 60


def test_1_a_locked_database(program: Program) -> None:
    assert program.run(*RUN, "--evaluations", "1", "-q").code == 0
    holder = sqlite3.connect(program.home / "nightforge.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        ended = program.run(*RUN, "--evaluations", "1")
        assert ended.code == 1
        assert explained(ended)
        assert "locked by another program" in ended.err
    finally:
        holder.close()
    assert program.run(*RUN, "--evaluations", "1", "-q").code == 0


def test_two_campaigns_at_once_end_both(program: Program) -> None:
    slow = program.with_environment(TOY_SECONDS="0.2")
    runs = [slow.start(*RUN, "--evaluations", "8", "-q") for _ in range(2)]
    for run in runs:
        _, err = run.communicate(timeout=100)
        assert run.returncode == 0, err
    records = program.run("list", "--json").records
    assert [(record["state"], record["tally"]["evaluations"]) for record in records] == [("finished", 8)] * 2  # type: ignore[index]


def test_the_newest_that_was_paused_goes_on_without_its_name(program: Program) -> None:
    # On a machine at work a command may start for seconds; the campaign must not be over by then.
    slow = program.with_environment(TOY_SECONDS="1")
    run = slow.start(*RUN, "--evaluations", "20", "-q", "--json")
    assert run.stdout is not None
    campaign_id = str(json.loads(run.stdout.readline())["campaign_id"])
    assert program.run("pause").code == 0
    deadline = time.monotonic() + 60
    while "paused" not in program.run("list", "--json").out:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    ended = program.run("resume")
    assert (ended.code, ended.out.strip()) == (0, f"{campaign_id} goes on in its own process")
    run.communicate(timeout=90)
    assert run.returncode == 0


def test_a_campaign_that_runs_cannot_be_resumed_beside(program: Program) -> None:
    slow = program.with_environment(TOY_SECONDS="1")
    run = slow.start(*RUN, "--evaluations", "40", "-q", "--json")
    assert run.stdout is not None
    assert "launch" in run.stdout.readline()
    ended = program.run("resume")
    assert ended.code == 2
    assert "is being run by another process" in ended.err
    assert "the campaign is kept" not in ended.err, "nothing happened to it"
    assert program.run("stop", "--now", "--json").records[0]["posted"] is True
    run.communicate(timeout=60)
    assert run.returncode == 130


def test_a_stop_that_nobody_obeys_says_so(program: Program) -> None:
    slow = program.with_environment(TOY_SECONDS="1")
    run = slow.start(*RUN, "--evaluations", "40", "-q", "--json")
    assert run.stdout is not None
    assert "launch" in run.stdout.readline()
    for _ in range(50):
        if program.run("list", "--json").records[0]["state"] == "running":
            break
    run.kill()
    run.communicate()
    asked = program.run("stop")
    assert (asked.code, "if its process is gone, nothing is lost: nightforge resume" in asked.err) == (0, True)


def test_1_an_endpoint_that_cannot_be_reached(program: Program) -> None:
    patient = program.with_environment(NIGHTFORGE_TOTAL_TIMEOUT_S="2", NIGHTFORGE_API_KEY="sk-secret-key")
    prices = ("--price-in", "0", "--price-out", "0")
    ended = patient.run(*RUN, "--model", "m", "--base-url", "http://127.0.0.1:9/v1", *prices)
    assert ended.code == 1
    assert explained(ended)
    assert "127.0.0.1:9" in ended.err
    assert "sk-secret-key" not in ended.err + ended.out


def test_2_a_key_that_the_endpoint_refuses(program: Program, protocol_server: ProtocolServer) -> None:
    protocol_server.always(error(401, "bad key"))
    keyed = program.with_environment(NIGHTFORGE_API_KEY="sk-secret-key")
    prices = ("--price-in", "1", "--price-out", "1")
    ended = keyed.run(*RUN, "--model", "m", "--base-url", protocol_server.base_url, "--max-usd", "1", *prices)
    assert ended.code == 2
    assert explained(ended)
    assert "sk-secret-key" not in ended.err + ended.out


def test_2_a_provider_that_wants_a_key_and_gets_none(program: Program) -> None:
    ended = program.run(*RUN, "--model", "gpt-5-mini", "--max-usd", "1")
    assert ended.code == 2
    assert explained(ended)
    assert "OPENAI_API_KEY" in ended.err


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [("plan.json", '{"goal": "x",\n "task": }', "line 2"), ("plan.toml", 'goal = "x"\ntask = \n', "line 2")],
)
def test_2_a_malformed_plan_names_its_line(program: Program, name: str, text: str, words: str) -> None:
    path = program.home.parent / name
    path.write_text(text)
    ended = program.run("run", str(path), "--yes")
    assert ended.code == 2
    assert explained(ended)
    assert words in ended.err
    assert str(path) in ended.err


def test_a_goal_in_another_encoding_or_very_long_is_no_fault(program: Program) -> None:
    broken = os.fsdecode(b"paint \xff\xfe it green")
    for goal in (broken, "paint my house green " * 2000):
        ended = program.run("run", goal, "--yes")
        assert ended.code == 2
        assert explained(ended)
        assert len(ended.err) < 6000, "the goal is not said again"


def test_a_terminal_without_our_shapes_shows_question_marks(finished: Finished) -> None:
    latin = finished.program.with_environment(PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    ended = latin.run("list")
    assert ended.code == 0
    assert "? finished" in ended.out
