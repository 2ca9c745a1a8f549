"""System calls and compilers as weapons: what the filters and the compile step must hold."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from sandbox import seccomp
from sandbox.bubblewrap import BubblewrapSandbox

pytestmark = [
    pytest.mark.box,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed"),
]

LIMITS = Limits(wall_s=8.0, cpu_s=8)
X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 instructions")


@pytest.fixture(scope="module")
def box() -> BubblewrapSandbox:
    return BubblewrapSandbox()


async def compiled(box: BubblewrapSandbox, source: str, *flags: str, limits: Limits = LIMITS) -> ExecResult:
    line = " ".join(["gcc", "-O1", "/job/a.c", "-o", "a", *flags])
    return await box.run(["sh", "-c", f"{line} && ./a"], files={"a.c": source.encode()}, limits=limits)


def bare(source: str, folder: Path) -> bytes:
    (folder / "a.c").write_text(source)
    subprocess.run(["gcc", "-O1", "a.c", "-o", "a"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(["./a"], cwd=folder, capture_output=True, check=False).stdout


def compiles_bare(source: Path) -> bool:
    return subprocess.run(["gcc", "-c", source, "-o", "/dev/null"], capture_output=True, check=False).returncode == 0


CALLS = """
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sys/ioctl.h>
int main(void) {
  char zero[256]; memset(zero, 0, sizeof zero);
  struct { const char *name; long got; } t[] = {
    {"unshare", syscall(SYS_unshare, CLONE_NEWUSER)},
    {"clone_newuser", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)},
    {"clone3", syscall(SYS_clone3, zero, 88)},
    {"mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0)},
    {"ptrace", syscall(SYS_ptrace, 0, 0, 0, 0)},
    {"bpf", syscall(SYS_bpf, 0, zero, 120)},
    {"perf", syscall(SYS_perf_event_open, zero, 0, -1, -1, 0)},
    {"io_uring", syscall(SYS_io_uring_setup, 4, zero)},
    {"keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0)},
    {"userfaultfd", syscall(SYS_userfaultfd, 1)},
    {"pidfd_getfd", syscall(438, 0, 0, 0)},
    {"process_vm_readv", syscall(SYS_process_vm_readv, getpid(), 0, 0, 0, 0, 0)},
    {"tiocsti", ioctl(0, TIOCSTI, "x")},
  };
  for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
    if (t[i].name[0] == 'c' && t[i].got == 0) _exit(0);
    printf("%s=%ld\\n", t[i].name, t[i].got);
  }
  return 0;
}
"""


async def test_dangerous_calls_are_refused(box: BubblewrapSandbox, tmp_path: Path) -> None:
    control = dict(line.split("=") for line in bare(CALLS, tmp_path).decode().split())
    assert control["process_vm_readv"] == "0"
    assert control["ptrace"] == "0"
    result = await compiled(box, CALLS)
    answers = dict(line.split("=") for line in result.stdout.decode().split())
    assert len(answers) == 13
    assert set(answers.values()) == {"-1"}


@X86
async def test_the_32_bit_door_is_shut(box: BubblewrapSandbox, tmp_path: Path) -> None:
    """int 0x80 reaches the 32-bit table, whose numbers a naive filter confuses."""
    source = (
        '#include <stdio.h>\nint main(void){long r;__asm__ volatile("int $0x80":"=a"(r):"a"(20L));printf("%d\\n",r>0);}'
    )
    control = bare(source, tmp_path)
    result = await compiled(box, source)
    assert not result.ok
    assert result.stdout == b""
    if control != b"1\n":
        pytest.skip("this kernel has no 32-bit calls; the refusal above may be the kernel's")


WORKER = """
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <unistd.h>
static void *thread(void *p) { *(int *)p = 1; return 0; }
static int forked(void) { int p = fork(); if (p == 0) _exit(0); if (p > 0) wait(0); return p > 0; }
int main(void) {
  static struct sock_filter code[4096];
  FILE *f = fopen("/job/filter", "rb");
  struct sock_fprog program = { fread(code, sizeof *code, 4096, f), code };
  fclose(f);
  int before = forked(), vforked, ran = 0;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 9;
  int after = forked(), why = errno;
  vforked = vfork(); if (vforked == 0) _exit(0);
  pthread_t t; int made = pthread_create(&t, 0, thread, &ran) == 0; if (made) pthread_join(t, 0);
  execl("/usr/bin/true", "true", (char *)0);
  int number = socket(AF_UNIX, SOCK_STREAM, 0), refused = errno;
  printf("%d %d %d %d %d %d %d\\n", before, after, why, vforked, made && ran, number, refused);
  return 0;
}
"""


async def test_the_worker_filter_leaves_threads_and_nothing_else(box: BubblewrapSandbox) -> None:
    files: dict[str, bytes | Path] = {"a.c": WORKER.encode(), "filter": seccomp.worker_filter()}
    result = await box.run(["sh", "-c", "gcc -O1 /job/a.c -o a -pthread && ./a"], files=files, limits=LIMITS)
    assert result.ok, result.stderr
    assert result.stdout.split() == [b"1", b"0", str(errno.EPERM).encode(), b"-1", b"1", b"-1", b"97"]


SHADOW = "/etc/shadow"


@pytest.mark.parametrize(
    "line",
    [
        f'#include "{SHADOW}"',
        f'__asm__(".incbin \\"{SHADOW}\\"");',
        f'#include "/proc/1/root{SHADOW}"',
        '#include "/etc/passwd"',
    ],
)
async def test_the_compiler_cannot_read_the_host(box: BubblewrapSandbox, line: str, tmp_path: Path) -> None:
    readable = tmp_path / "readable"
    readable.write_bytes(b"int planted;\n")
    (tmp_path / "b.c").write_text(line.replace(SHADOW, str(readable)).replace("/etc/passwd", str(readable)) + "\n")
    assert "/proc/1" in line or compiles_bare(tmp_path / "b.c")
    result = await compiled(box, f"{line}\nint main(void){{return 0;}}\n")
    assert not result.ok
    assert b"No such file" in result.stderr or b"file not found" in result.stderr or b"Permission" in result.stderr
    assert b"root" not in result.stderr.replace(b"/root", b"")


async def test_a_compiler_fed_for_ever_is_ended(box: BubblewrapSandbox) -> None:
    limits = Limits(wall_s=4.0, cpu_s=3, memory_bytes=300 * MIB)
    for source in (
        '#include "/dev/zero"\n',
        "#define A x x x x x x x x\n#define B A A A A A A A A\n#define C B B B B B B B B\n"
        "#define D C C C C C C C C\n#define E D D D D D D D D\n#define F E E E E E E E E\n#define G F F F F F F F F\n"
        "G G G G G G G G\n",
    ):
        result = await compiled(box, source, limits=limits)
        assert not result.ok
        assert result.wall_s < 8


def test_the_filter_holds_without_the_box() -> None:
    """The default filter alone, installed in a child of ours: what it refuses does not rest on the namespaces."""
    program = (
        "import ctypes,os,socket,sys\n"
        "libc=ctypes.CDLL(None,use_errno=True)\n"
        "code=sys.stdin.buffer.read()\n"
        "buffer=ctypes.create_string_buffer(code,len(code))\n"
        "class Prog(ctypes.Structure): _fields_=[('n',ctypes.c_ushort),('f',ctypes.c_void_p)]\n"
        "prog=Prog(len(code)//8,ctypes.addressof(buffer))\n"
        "before=libc.unshare(0x04000000)\n"
        "assert libc.prctl(38,1,0,0,0)==0 and libc.prctl(22,2,ctypes.byref(prog))==0\n"
        "print(before,libc.unshare(0x08000000),ctypes.get_errno())\n"
        "try: socket.socket(); print('inet')\n"
        "except OSError as e: print(e.errno)\n"
        "socket.socket(socket.AF_UNIX).close(); print('unix')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], input=seccomp.default_filter(), capture_output=True, check=True
    )
    first, second, third = done.stdout.decode().splitlines()
    if os.geteuid() == 0:
        assert first.split()[0] == "0"
    assert first.split()[1:] == ["-1", str(errno.EPERM)]
    assert (second, third) == (str(errno.EAFNOSUPPORT), "unix")
    assert ctypes.sizeof(ctypes.c_void_p) == 8


async def test_reason_of_a_filtered_death(box: BubblewrapSandbox) -> None:
    """A candidate that another architecture's call kills is signalled, never a fault of ours."""
    result = await compiled(box, "#include <signal.h>\nint main(void){raise(SIGSYS);}")
    assert (result.reason, result.signal) == (ExitReason.SIGNALLED, 31)
