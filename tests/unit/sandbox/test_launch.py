from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightforge.errors import SandboxFault
from sandbox.launch import memory_file, spawn


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_descriptors_land_where_they_are_asked_and_nothing_else_is_open() -> None:
    reader, writer = os.pipe()
    leak = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leak, True)
    first, second = memory_file(b"first", "a"), memory_file(b"second", "b")
    program = (
        "import os; os.write(1, os.read(3,9)+os.read(4,9)+os.read(150,9)+repr(sorted(map(int,"
        "os.listdir('/proc/self/fd')))).encode())"
    )
    third = memory_file(b"third", "c")
    # 4 -> 3 and 3 -> 4 would overwrite each other if they were not moved out of the way first.
    plan = {0: leak, 1: writer, 2: 2, 3: second, 4: first, 150: third}
    pid = spawn([sys.executable, "-I", "-S", "-c", program], environment={}, descriptors=plan)
    for number in (writer, leak, first, second, third):
        os.close(number)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    # 5 is the folder that is being listed.
    assert said == b"secondfirstthird[0, 1, 2, 3, 4, 5, 150]"


def test_environment_and_session_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    reader, writer = os.pipe()
    program = "import os; os.write(1, repr((sorted(os.environ), os.getsid(0)==os.getpid())).encode())"
    pid = spawn(
        [sys.executable, "-I", "-S", "-c", program],
        environment={"ONLY": "1", "LC_CTYPE": "C.UTF-8"},
        descriptors={1: writer},
    )
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == b"(['LC_CTYPE', 'ONLY'], True)"
    os.waitpid(pid, 0)


def test_our_own_affinity_is_untouched() -> None:
    before = os.sched_getaffinity(0)
    chosen = min(before)
    reader, writer = os.pipe()
    program = "import os; os.write(1, repr(os.sched_getaffinity(0)).encode())"
    pid = spawn([sys.executable, "-I", "-S", "-c", program], environment={}, descriptors={1: writer}, cpus=[chosen])
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == f"{{{chosen}}}".encode()
    os.waitpid(pid, 0)
    assert os.sched_getaffinity(0) == before


def test_a_program_that_cannot_start_is_a_fault(tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(SandboxFault, match="missing") as caught:
        spawn([str(tmp_path / "missing")], environment={}, descriptors={0: 0})
    assert caught.value.hint
    assert open_descriptors() == before


def test_children_outlive_the_thread_that_asked_for_them() -> None:
    """bwrap's parent-death signal is bound to the starting thread; ours is one that stays."""
    program = (
        "import ctypes,os,threading,time\n"
        "from sandbox.launch import spawn\n"
        "made=[]\n"
        "go=['/usr/bin/setpriv','--pdeathsig','KILL','sleep','30']\n"
        "t=threading.Thread(target=lambda: made.append(spawn(go,environment={},descriptors={})))\n"
        "t.start(); t.join(); time.sleep(0.3)\n"
        "print(os.waitpid(made[0],os.WNOHANG)[0]); os.kill(made[0],9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"0\n"
