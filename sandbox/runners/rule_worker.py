"""Runs a candidate's rule on one instance after another, each in a child that is forked before its code is executed.

usage: python3 -I -S rule_worker.py CANDIDATE.py FUNCTION[,FUNCTION...] CPU_SECONDS [DRIVER.py]

Trusted code in the candidate's box, and therefore believed in nothing: the answer is checked by who asked. Frames on
descriptor 0 (questions) and on a private copy of descriptor 1 (answers): see sandbox/channel.py. A question is
`{"solve": instance}` (one answer) or `{"open": facts}` (answered by `true`, then one answer for each `{"ask": ...}`
until `{"close": true}`, which is answered, too). `solve(functions, instance)` of the driver makes the whole answer;
without one the first function does. A child that uses CPU_SECONDS dies of SIGPROF, unless it sees to that; the limit
that counts is kept outside. A child that fails ends the whole program: the next instance then needs a new
box. What the candidate prints goes to stderr. Standard library only.
"""

import ctypes
import json
import os
import signal
import struct
import sys
import types
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

HEAD = struct.Struct("<4s16sI")
PR_SET_DUMPABLE = 4
FAILED = 70


def read_all(count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = os.read(0, count - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


def read_question() -> tuple[bytes, dict]:
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


def answer_in_child(
    replies: int,
    nonce: bytes,
    question: dict,
    candidate: types.CodeType,
    names: Sequence[str],
    driver: types.CodeType | None,
) -> None:
    solver = None if driver is None else load(driver, "driver").solve
    module = load(candidate, "candidate")
    functions = [getattr(module, name) for name in names]
    if "open" in question:
        write_answer(replies, nonce, True)
        while True:
            nonce, asked = read_question()
            if "close" in asked:
                write_answer(replies, nonce, True)
                return
            write_answer(replies, nonce, functions[0](*asked["ask"]))
    if solver is None:
        write_answer(replies, nonce, functions[0](question["solve"]))
    else:
        write_answer(replies, nonce, solver(functions, question["solve"]))


def main() -> None:
    # Children cannot write our memory, and so cannot carry anything from one instance to the next.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    replies = os.dup(1)
    os.dup2(2, 1)
    path, names = sys.argv[1], sys.argv[2].split(",")
    candidate = compile(Path(path).read_text(encoding="utf-8"), "candidate.py", "exec")
    driver = compile(Path(sys.argv[4]).read_text(encoding="utf-8"), "driver.py", "exec") if len(sys.argv) > 4 else None
    while True:
        nonce, question = read_question()
        child = os.fork()
        if child == 0:
            signal.setitimer(signal.ITIMER_PROF, float(sys.argv[3]))
            try:
                answer_in_child(replies, nonce, question, candidate, names, driver)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                sys.stderr.flush()
                os._exit(FAILED)
            sys.stderr.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        # Whatever it left running must not compute into the next instance.
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            os._exit(code if code > 0 else 128 - code)


if __name__ == "__main__":
    main()
