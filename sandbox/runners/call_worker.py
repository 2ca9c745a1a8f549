"""Calls a function of a candidate's Python module inside the box and sends back what it returns, as JSON.

usage: python3 -I -S call_worker.py MODULE.py FUNCTION

Trusted code in the candidate's process, and therefore believed in nothing: the answer is checked by who asked.
Frames on descriptor 0 (questions) and on a private copy of descriptor 1 (answers): see sandbox/channel.py. What the
candidate prints goes to stderr. Standard library only.
"""

import importlib.util
import json
import os
import struct
import sys

HEAD = struct.Struct("<4s16sI")


def read_all(count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = os.read(0, count - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def main() -> None:
    replies = os.dup(1)
    os.dup2(2, 1)
    path, name = sys.argv[1:3]
    spec = importlib.util.spec_from_file_location("candidate", path)
    if spec is None or spec.loader is None:
        sys.exit(93)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, name)
    while True:
        magic, nonce, length = HEAD.unpack(read_all(HEAD.size))
        answer = json.dumps(function(json.loads(read_all(length))), allow_nan=False).encode()
        write_all(replies, HEAD.pack(magic, nonce, len(answer)) + answer)


if __name__ == "__main__":
    main()
