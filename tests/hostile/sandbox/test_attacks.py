"""Attacks on the box, one small program each.

Every attack is judged from outside the box, and where it is practical the same program is first run bare and must
succeed there: an attack that cannot work anywhere proves nothing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from sandbox import staging
from sandbox.bubblewrap import BubblewrapSandbox, drop_target
from sandbox.local import LocalSandbox

pytestmark = pytest.mark.box

PYTHON = ["/usr/bin/python3", "-I", "-S", "-c"]
LIMITS = Limits(wall_s=8.0, cpu_s=8)
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@pytest.fixture(scope="module")
def box() -> BubblewrapSandbox:
    return BubblewrapSandbox()


@pytest.fixture
def marker() -> str:
    return f"7{secrets.randbelow(10**8):08d}.{secrets.randbelow(10**6):06d}"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everyone may write, outside any private one."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o1777)
        yield Path(name)


def running(marker: str, *, wanted: bytes | None = None) -> list[int]:
    """Processes with `marker` in their command line; with `wanted`, those whose whole command line it is."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if marker.encode() in line and wanted in (None, line):
                found.append(int(entry.name))
    return found


def wait_gone(marker: str) -> None:
    deadline = time.monotonic() + 20
    while running(marker):
        assert time.monotonic() < deadline, f"alive: {running(marker)}"
        time.sleep(0.02)


def bare(program: str, *arguments: str, timeout_s: float = 10.0) -> bytes:
    """The positive control: the attack as an ordinary process."""
    done = subprocess.run([*PYTHON, program, *arguments], capture_output=True, timeout=timeout_s, check=False)
    return done.stdout


async def attack(box: BubblewrapSandbox, program: str, *arguments: str, limits: Limits = LIMITS) -> ExecResult:
    return await box.run([*PYTHON, program, *arguments], limits=limits)


# --- exhaustion ----------------------------------------------------------------------------------------------

FORK_BOMB = """
import os, sys, time
most = int(sys.argv[1])
end = time.monotonic() + 1.0
alive = 1
while time.monotonic() < end and alive < most:
    try:
        if os.fork() == 0:
            time.sleep(3)
            os._exit(0)
        alive += 1
    except OSError:
        time.sleep(0.01)
print(alive)
"""


async def test_fork_bomb(box: BubblewrapSandbox) -> None:
    control = await LocalSandbox(drop_target()).run([*PYTHON, FORK_BOMB, "200"], limits=LIMITS)
    assert int(control.stdout) == 200
    result = await attack(box, FORK_BOMB, "200", limits=Limits(processes=40))
    assert int(result.stdout) == 40


async def test_recursive_fork_bomb_ends_in_time(box: BubblewrapSandbox, marker: str) -> None:
    program = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    began = time.monotonic()
    result = await attack(box, program, marker, limits=Limits(wall_s=1.0, processes=64))
    assert result.reason is ExitReason.WALL_LIMIT
    assert time.monotonic() - began < 20
    wait_gone(marker)


EATER = """
import os, sys, time
children, each = int(sys.argv[1]), int(sys.argv[2]) << 20
for _ in range(children):
    if os.fork() == 0:
        block = b"x" * each
        time.sleep(1.0)
        os._exit(0)
for _ in range(children):
    os.wait()
print("ate")
"""


async def test_memory_over_twenty_children(box: BubblewrapSandbox) -> None:
    control = await attack(box, EATER, "20", "8", limits=Limits(memory_bytes=600 * MIB))
    assert control.stdout == b"ate\n"
    assert control.peak_memory_bytes > 160 * MIB
    result = await attack(box, EATER, "20", "8", limits=Limits(memory_bytes=100 * MIB))
    assert result.reason is ExitReason.MEMORY_LIMIT
    assert result.stdout == b""


async def test_memory_hidden_in_the_private_tmp(box: BubblewrapSandbox) -> None:
    """A file in tmpfs is memory, too."""
    program = (
        "f=open('/dev/shm/x','wb')\nfor _ in range(40): f.write(bytes(1<<20))\nf.flush()\nimport time\ntime.sleep(2)"
    )
    limits = Limits(memory_bytes=32 * MIB, writable_bytes=64 * MIB, file_bytes=64 * MIB)
    result = await attack(box, program, limits=limits)
    assert result.reason is ExitReason.MEMORY_LIMIT


HOARD = """
import ctypes, mmap, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
size, held = 16 << 20, []
kept = 0
for n in range(16):
    if sys.argv[1] == "memfd":
        held.append(os.memfd_create("x"))
        kept += os.write(held[-1], bytes(size))
    elif sys.argv[1] == "sysv":
        number = libc.shmget(0, ctypes.c_size_t(size), 0o1600)
        if number < 0: raise OSError(ctypes.get_errno(), "shmget")
        libc.shmat.restype = ctypes.c_void_p
        address = libc.shmat(number, None, 0)
        ctypes.memset(address, 1, size)
        libc.shmctl(number, 0, None)
        held.append(address)
        libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), 4)
        kept += size
    else:
        fd = os.open("/dev/zero", os.O_RDWR) if sys.argv[1] == "zero" else -1
        block = mmap.mmap(fd, size) if fd >= 0 else mmap.mmap(-1, size)
        for page in range(0, size, 4096): block[page] = 1
        block.madvise(mmap.MADV_DONTNEED)
        held.append(block)
        kept += size
time.sleep(1.0)
print(kept)
"""


@pytest.mark.parametrize("way", ["memfd", "sysv", "anonymous", "zero"])
async def test_memory_that_no_process_shows(box: BubblewrapSandbox, way: str) -> None:
    """Pages that lie in no resident size: in a file in memory, or given back to it."""
    assert int(bare(HOARD, way)) == 256 * MIB
    result = await attack(box, HOARD, way, limits=Limits(memory_bytes=100 * MIB))
    if way in {"memfd", "sysv"}:
        assert b"[Errno 38]" in result.stderr
    else:
        assert result.reason is ExitReason.MEMORY_LIMIT


async def test_two_hundred_thousand_files(box: BubblewrapSandbox, open_folder: Path) -> None:
    program = (
        "import os,sys\nn=0\n"
        "for folder in sys.argv[1:]:\n"
        " try:\n  for _ in range(200000): os.close(os.open(f'{folder}/{n}',os.O_CREAT|os.O_WRONLY)); n+=1\n"
        " except OSError: pass\n"
        "print(n)"
    )
    short = program.replace("200000", "6000")
    assert int(bare(short, str(open_folder))) == 6000
    result = await attack(box, program, "/box", "/tmp", "/dev/shm", limits=Limits(writable_inodes=4096))
    assert int(result.stdout) == 4096


async def test_filling_the_disk_with_many_files(box: BubblewrapSandbox) -> None:
    free_before = shutil.disk_usage("/tmp").free
    program = (
        "n=0\ntry:\n while n<200:\n  open(f'/tmp/{n}','wb').write(bytes(1<<20)); n+=1\nexcept OSError: pass\nprint(n)"
    )
    result = await attack(box, program, limits=Limits(writable_bytes=20 * MIB))
    assert int(result.stdout) in {19, 20}
    assert shutil.disk_usage("/tmp").free > free_before - 150 * MIB


async def test_output_flood_on_both_pipes(box: BubblewrapSandbox) -> None:
    program = "import os\nif os.fork(): \n while True: os.write(1,b'x'*4096)\nwhile True: os.write(2,b'y'*4096)"
    result = await attack(box, program, limits=Limits(output_bytes=100_000))
    assert result.reason is ExitReason.OUTPUT_LIMIT
    assert len(result.stdout) + len(result.stderr) == 100_000


async def test_hanging_in_every_way(box: BubblewrapSandbox) -> None:
    for program in ("import time; time.sleep(99)", "import signal; signal.sigwait([])", "while True: pass"):
        began = time.monotonic()
        result = await attack(box, program, limits=Limits(wall_s=0.5))
        assert result.reason is ExitReason.WALL_LIMIT
        assert time.monotonic() - began < 20


async def test_a_child_that_keeps_the_pipes_open_does_not_hold_us(box: BubblewrapSandbox, marker: str) -> None:
    daemon = "if os.fork()==0:\n os.setsid()\n if os.fork()==0: time.sleep(60)\n os._exit(0)\n"
    program = f"import os,sys,time\n{daemon}print('out')"
    began = time.monotonic()
    result = await attack(box, program, marker)
    assert result.ok
    assert result.stdout == b"out\n"
    assert time.monotonic() - began < 20
    wait_gone(marker)


# --- lies about the end --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "reason", "exit_code"),
    [
        ("import os; os._exit(0)", ExitReason.EXITED, 0),
        ("import os; os._exit(1)", ExitReason.EXITED, 1),
        ("import os,signal; os.kill(os.getpid(),signal.SIGKILL)", ExitReason.SIGNALLED, None),
        ("import os,signal; os.kill(os.getpid(),signal.SIGALRM)", ExitReason.SIGNALLED, None),
        ("import os,signal; os.kill(os.getpid(),signal.SIGXCPU)", ExitReason.SIGNALLED, None),
        ("import os; os.abort()", ExitReason.SIGNALLED, None),
    ],
)
async def test_the_cause_is_ours(
    box: BubblewrapSandbox, program: str, reason: ExitReason, exit_code: int | None
) -> None:
    """Killing itself does not look like a limit, whatever signal it takes."""
    result = await attack(box, program)
    assert (result.reason, result.exit_code) == (reason, exit_code)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process outside, under the very uid that the box has outside."""
    drop = [] if drop_target() is None else ["setpriv", "--reuid", str(drop_target()), "--clear-groups", "--"]
    with subprocess.Popen([*drop, "sleep", "60"]) as process:
        yield process
        process.kill()


async def test_killing_everything_in_reach(box: BubblewrapSandbox, bystander: subprocess.Popen[bytes]) -> None:
    result = await attack(box, "import os,signal\nos.kill(-1,signal.SIGKILL)\nprint('x')")
    assert result.reason in {ExitReason.EXITED, ExitReason.SIGNALLED}
    assert bystander.poll() is None


# --- reach ---------------------------------------------------------------------------------------------------

DRIVER = """
import asyncio, os, sys
from nightforge.domain.limits import Limits
from sandbox.bubblewrap import BubblewrapSandbox
result = asyncio.run(BubblewrapSandbox().run(sys.argv[1:], limits=Limits(output_bytes=1 << 20)))
sys.stdout.buffer.write(result.stdout)
"""

SNOOP = (
    "import os\n"
    "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
    " for name in ('environ','cmdline'):\n"
    "  try: print(open(f'/proc/{pid}/{name}','rb').read())\n"
    "  except OSError: pass\n"
    "print('looked', dict(os.environ))\n"
)


def test_no_secret_of_the_platform_is_readable(open_folder: Path) -> None:
    """The key stands in the environment of the process that runs the sandbox, as in real use."""
    secret = f"sk-{secrets.token_hex(16)}"
    environment = {**os.environ, "OPENAI_API_KEY": secret, "HOME": "/home/someone-private"}
    control = subprocess.run([*PYTHON, SNOOP], env=environment, capture_output=True, check=True)
    assert secret.encode() in control.stdout
    driver = [sys.executable, "-c", DRIVER, *PYTHON, SNOOP]
    boxed = subprocess.run(driver, env=environment, cwd=open_folder, capture_output=True, check=True)
    assert b"looked" in boxed.stdout
    assert b"TMPDIR" in boxed.stdout
    for leak in (secret, "someone-private", open_folder.name, "nightforge-box"):
        assert leak.encode() not in boxed.stdout


READ = "import sys\nfor p in sys.argv[1:]:\n try: print(p, open(p,'rb').read())\n except OSError as e: print(e.errno)"


async def test_host_files_cannot_be_read(box: BubblewrapSandbox, open_folder: Path) -> None:
    secret = secrets.token_hex(16)
    (open_folder / "secret").write_text(secret)
    (open_folder / "secret").chmod(0o644)
    path = str(open_folder / "secret")
    routes = [path, f"/proc/1/root{path}", f"/proc/self/root{path}", f"/job/../..{path}", f"/proc/1/cwd/..{path}"]
    assert secret.encode() in bare(READ, path)
    result = await attack(box, READ, *routes, "/etc/shadow", "/etc/passwd", "/proc/1/mem", "/dev/sda", "/dev/vda")
    assert result.ok
    assert secret.encode() not in result.stdout
    assert b"root:" not in result.stdout


WRITE = "import sys\nfor p in sys.argv[1:]:\n try: open(p,'ab').write(b'x'); print(p)\n except OSError: pass"


async def test_nothing_outside_can_be_written(box: BubblewrapSandbox, open_folder: Path) -> None:
    target = open_folder / "target"
    target.touch()
    target.chmod(0o666)
    assert bare(WRITE, str(target)) == f"{target}\n".encode()
    target.write_bytes(b"")
    forbidden = ["/usr/bin/x", "/etc/x", "/var/tmp/x", "/x", "/dev/x", "/job/x", "/proc/sys/kernel/core_pattern"]
    forbidden += ["/proc/sysrq-trigger", "/proc/1/oom_score_adj", f"/proc/1/root{target}", str(target)]
    result = await attack(box, WRITE, *forbidden)
    # /proc/1/oom_score_adj may be raised by its owner, never lowered; it is the box's own init.
    assert set(result.stdout.decode().split()) <= {"/proc/1/oom_score_adj"}
    assert target.read_bytes() == b""


CONNECT = """
import socket, sys
def tried(family, kind, address):
    try:
        s = socket.socket(family, kind); s.settimeout(1); s.connect(address); s.send(b"leak"); print("sent")
    except OSError as error: print(type(error).__name__)
port = int(sys.argv[1])
tried(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port))
tried(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port))
tried(socket.AF_UNIX, socket.SOCK_STREAM, "\\0" + sys.argv[2])
tried(socket.AF_UNIX, socket.SOCK_STREAM, sys.argv[3])
tried(socket.AF_UNIX, socket.SOCK_STREAM, "/var/run/docker.sock")
"""


@dataclass
class Doors:
    """Four listeners of the host, and how an attack is told where they are."""

    streams: list[socket.socket]
    datagrams: socket.socket
    arguments: tuple[str, str, str]

    def knocks(self) -> int:
        found = 0
        for listener in self.streams:
            with suppress(BlockingIOError):
                listener.accept()[0].close()
                found += 1
        with suppress(BlockingIOError):
            found += self.datagrams.recv(10) == b"leak"
        return found


@pytest.fixture
def doors(open_folder: Path) -> Iterator[Doors]:
    name = f"nightforge-test-{secrets.token_hex(8)}"
    path = open_folder / "socket"
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.socket())
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        named = stack.enter_context(socket.socket(socket.AF_UNIX))
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        abstract.bind("\0" + name)
        named.bind(str(path))
        path.chmod(0o777)
        for listener in (tcp, abstract, named):
            listener.listen(8)
        for opened in (tcp, udp, abstract, named):
            opened.setblocking(False)
        yield Doors([tcp, abstract, named], udp, (str(tcp.getsockname()[1]), name, str(path)))


async def test_no_socket_of_the_host_is_reached(box: BubblewrapSandbox, doors: Doors) -> None:
    assert bare(CONNECT, *doors.arguments).split()[:4] == [b"sent"] * 4
    assert doors.knocks() == 4
    result = await attack(box, CONNECT, *doors.arguments)
    assert doors.knocks() == 0
    assert b"sent" not in result.stdout
    assert len(result.stdout.split()) == 5


# --- names, links and leftovers ------------------------------------------------------------------------------


async def test_hostile_outputs(box: BubblewrapSandbox, open_folder: Path) -> None:
    secret = open_folder / "secret"
    secret.write_text("secret")
    program = f"""
import os
os.symlink({str(secret)!r}, "result.json")
os.mkfifo("metrics")
with open("sparse", "wb") as f: f.truncate(30 << 20)
os.mkdir("dir"); os.symlink("/etc", "dir/etc")
open("closed", "w").write("x"); os.chmod("closed", 0)
open("suid", "w").write("x"); os.chmod("suid", 0o6777)
"""
    names = ["result.json", "metrics", "dir/etc/hostname", "dir", "sparse"]
    limits = Limits(file_bytes=32 * MIB, writable_bytes=8 * MIB)
    result = await box.run([*PYTHON, program], outputs=names, limits=limits)
    assert result.ok, result.stderr
    assert set(result.outputs) <= {"sparse"}
    assert not any(b"secret" in content for content in result.outputs.values())


async def test_hostile_names_and_trees_leave_nothing(
    box: BubblewrapSandbox, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.staging._STAGING_ROOTS", (str(open_folder),))
    program = """
import os
for name in (b"\\xff\\xfe", b"new\\nline", b"\\x1b[2J", b"-rf", "\\u202egnp".encode()): open(name, "w").close()
for depth in range(400):
    os.mkdir("d" * 200); os.chdir("d" * 200)
os.chmod("/box", 0)
print("made")
"""
    result = await attack(box, program)
    assert result.stdout == b"made\n"
    assert not os.listdir(open_folder)  # noqa: PTH208


def candidates(marker: str) -> list[int]:
    """Processes that are the untrusted program itself, not a stage of its launch."""
    return running(marker, wanted=f"sleep\0{marker}\0".encode())


@pytest.mark.parametrize("wait_for", [1, 2, 3, "candidate"])
def test_killing_the_platform_at_any_moment(marker: str, wait_for: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running box dies with the platform; one that was being started at that moment is ended by `sweep`.

    bwrap asks for its parent's death signal late, so a kill within the milliseconds of a start can be missed.
    """
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, "sleep", marker])
    try:
        deadline = time.monotonic() + 20
        while not (candidates(marker) if wait_for == "candidate" else len(running(marker)) >= int(wait_for)):
            assert time.monotonic() < deadline, "the box never ran"
            time.sleep(0.0005)
        if wait_for == "candidate":
            time.sleep(0.5)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    if wait_for != "candidate":
        time.sleep(1.5)
        monkeypatch.setattr(staging, "_SWEEP_AFTER_S", 1.0)
        staging.sweep()
    wait_gone(marker)
