"""Runs a candidate's rule on one question after another, each in a child that is forked before its code is executed.

usage: python3 -I -S rule_worker.py CANDIDATE.py FUNCTION[,FUNCTION...] CPU_SECONDS DRIVER.py

Frames on descriptor 0 (questions) and on a private copy of descriptor 1 (answers): see sandbox/channel.py. The child
writes them; it shares its memory with the candidate, so that they are believed in nothing. A question is
`{"solve": instance}` (one answer, by `solve(functions, instance)` of the driver), or
`{"open": [facts, ...]}`: online instances that are played side by side, answered by `true`; then each
`{"ask": [[which, observation], ...]}` by a list of decisions, until `{"close": true}`, answered by `true`, too.
`begin(functions, facts)` of the driver makes the `decide(observation)` of an instance.

This process never executes candidate code, cannot be written or traced by its children, and alone holds descriptor 3:
on it, 28 bytes tell of each child once it is dead: the question's nonce, int32 exit code, float64 CPU seconds. A child
that fails, or that leaves something in the folders it can write, ends the whole program. A child may use CPU_SECONDS
and a little more by itself; the limit that counts is kept outside. What the candidate prints goes to stderr.
Standard library only, and of that what starts fast.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
import types

TYPE_CHECKING = False
"""`typing` takes as long to import as all the rest."""
if TYPE_CHECKING:
    from typing import Any

HEAD = struct.Struct("<4s16sI")
RECORD = struct.Struct("<16sid")
CONTROL = 3
PR_SET_DUMPABLE = 4
FAILED, LEFT_TRACES = 70, 71
WRITABLE = ("/box", "/tmp", "/dev/shm")


def read_all(count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = os.read(0, count - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


def read_question() -> tuple[bytes, dict[str, Any]]:
    _, nonce, length = HEAD.unpack(read_all(HEAD.size))
    return nonce, json.loads(read_all(length))


def write_answer(replies: int, nonce: bytes, value: object) -> None:
    answer = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    view = memoryview(HEAD.pack(b"NF1\0", nonce, len(answer)) + answer)
    while view:
        view = view[os.write(replies, view) :]


def load(code: types.CodeType, name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(code, module.__dict__)  # the candidate: this process is its box
    return module


def functions_of(candidate: types.CodeType, names: list[str]) -> list[Any]:
    module = load(candidate, "candidate")
    return [getattr(module, name) for name in names]


def answer_in_child(
    replies: int,
    nonce: bytes,
    question: dict[str, Any],
    candidate: types.CodeType,
    names: list[str],
    driver: types.CodeType,
) -> None:
    helper = load(driver, "driver")
    if "open" not in question:
        # The next question is not for this child, even should it outlive this one.
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        functions = functions_of(candidate, names)
        answer = helper.solve(functions, question["solve"])
        write_answer(replies, nonce, answer)
        return
    players = []
    for facts in question["open"]:
        functions = functions_of(candidate, names)
        players.append(helper.begin(functions, facts))
    write_answer(replies, nonce, True)
    while True:
        nonce, asked = read_question()
        if "close" in asked:
            write_answer(replies, nonce, True)
            return
        write_answer(replies, nonce, [players[which](observation) for which, observation in asked["ask"]])


def run_child(arguments: tuple[Any, ...], cpu_s: float) -> None:
    os.close(CONTROL)
    most = int(cpu_s) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        answer_in_child(*arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(FAILED)
    sys.stderr.flush()
    os._exit(0)


def wait_for(child: int) -> int:
    """Its exit code and all CPU time of the children since; nothing of them is alive afterwards."""
    _, status = os.waitpid(child, 0)
    # Whatever it left running must not compute into the next instance.
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        return os.waitstatus_to_exitcode(status)


def cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def changes() -> list[int]:
    """A name, a mode or a time that a child gives to a writable folder moves this clock, which nobody can set."""
    return [os.stat(folder).st_ctime_ns for folder in WRITABLE if os.path.isdir(folder)]  # noqa: PTH112, PTH116


def read_code(path: str) -> types.CodeType:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes longer to import than all the rest
        return compile(file.read(), os.path.basename(path), "exec")  # noqa: PTH119


def main() -> None:
    # Children cannot write our memory, and so cannot carry anything from one instance to the next.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    replies = os.dup(1)
    os.dup2(2, 1)
    os.set_inheritable(CONTROL, False)
    names, cpu_s = sys.argv[2].split(","), float(sys.argv[3])
    candidate = read_code(sys.argv[1])
    driver = read_code(sys.argv[4])
    before, spent = changes(), 0.0
    while True:
        nonce, question = read_question()
        child = os.fork()
        if child == 0:
            run_child((replies, nonce, question, candidate, names, driver), cpu_s)
        code = wait_for(child)
        if code == 0 and changes() != before:
            code = LEFT_TRACES
        now = cpu_of_children()
        os.write(CONTROL, RECORD.pack(nonce, code, now - spent))
        spent = now
        if code != 0:
            os._exit(code if code > 0 else 128 - code)


if __name__ == "__main__":
    main()
