from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from sandbox import tree

PROGRAM = (
    "import os,sys,time\n"
    "b=b'x'*(30<<20)\n"
    "pid=os.fork()\n"
    "if pid: print('up',flush=True)\n"
    "t=time.process_time()\n"
    "while time.process_time()-t<0.3: pass\n"
    "if pid: os.wait(); print('spun',flush=True)\n"
    "else: os._exit(0)\n"
    "sys.stdin.read()\n"
)


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_usage_counts_children_living_and_reaped(family: subprocess.Popen[bytes]) -> None:
    assert family.stdout is not None
    family.stdout.readline()
    usage = tree.measure(family.pid, exact_above_bytes=1 << 40)
    assert usage.processes == 2
    assert usage.memory_bytes > 60 << 20
    exact = tree.measure(family.pid, exact_above_bytes=50 << 20, may_stop=True)
    assert not tree.is_stopped(family.pid)
    assert exact.memory_bytes < usage.memory_bytes - (20 << 20)
    family.stdout.readline()
    after = tree.measure(family.pid, exact_above_bytes=1 << 40)
    assert after.processes == 1
    assert after.cpu_s >= 0.55


def test_one_that_is_too_large_alone_is_not_looked_at_longer(family: subprocess.Popen[bytes]) -> None:
    assert family.stdout is not None
    family.stdout.readline()
    assert tree.measure(family.pid, exact_above_bytes=1).memory_bytes > 1


def test_who_was_stopped_by_others_stays_so(family: subprocess.Popen[bytes]) -> None:
    assert family.stdout is not None
    family.stdout.readline()
    os.kill(family.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 20
    while not tree.is_stopped(family.pid):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    tree.measure(family.pid, exact_above_bytes=50 << 20, may_stop=True)
    assert tree.is_stopped(family.pid)


def test_stopped_is_seen(family: subprocess.Popen[bytes]) -> None:
    assert not tree.is_stopped(family.pid)
    os.kill(family.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 20
    while not tree.is_stopped(family.pid):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.kill(family.pid, signal.SIGCONT)
    while tree.is_stopped(family.pid):
        assert time.monotonic() < deadline
        time.sleep(0.001)


LEADERLESS = """
import ctypes, threading, time
threading.Thread(target=lambda: [print("up", flush=True), time.sleep(60)]).start()
time.sleep(0.2)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_first_thread_that_has_ended_does_not_keep_the_others_from_counting_as_stopped() -> None:
    with subprocess.Popen([sys.executable, "-c", LEADERLESS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        deadline = time.monotonic() + 20
        while tree.stat_fields(process.pid)[0] != b"Z":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not tree.is_stopped(process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        while not tree.is_stopped(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.kill()


def test_the_dead_use_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    usage = tree.measure(process.pid, exact_above_bytes=1)
    assert (usage.cpu_s, usage.memory_bytes, usage.processes) == (0.0, 0, 0)
    assert not tree.is_stopped(process.pid)


def test_a_hostile_command_name_does_not_confuse_the_fields() -> None:
    program = "import ctypes,sys\nctypes.CDLL(None).prctl(15,b') R 1 2 (')\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert int(tree.stat_fields(process.pid)[1]) == os.getpid()
        process.kill()
