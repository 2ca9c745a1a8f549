"""Calls functions of a candidate's Python modules inside the box and sends back what they return.

usage: python3 module_worker.py

Trusted code in the candidate's process, and therefore believed in nothing. Questions come as frames on descriptor 0,
answers go as frames on a private copy of descriptor 1 (see sandbox/channel.py); what the candidate prints goes to
stderr. Modules are found by PYTHONPATH and the working folder, as the user's own program finds them. Values cross as
JSON in which a tuple is {"(": [...]}. Standard library only.
"""

import importlib
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


def packed(value: object) -> object:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, tuple):
        return {"(": [packed(one) for one in value]}
    if isinstance(value, list):
        return [packed(one) for one in value]
    if isinstance(value, dict) and all(type(name) is str for name in value):
        return {"{": {name: packed(one) for name, one in value.items()}}
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return packed(value.item())
    if hasattr(value, "tolist"):
        return packed(value.tolist())
    kind = type(value).__name__
    raise TypeError(f"a value of type {kind} cannot leave the box: only numbers, text, lists, tuples and dicts can")


def unpacked(value: object) -> object:
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    if isinstance(value, dict):
        if "(" in value:
            return tuple(unpacked(one) for one in value["("])
        return {name: unpacked(one) for name, one in value["{"].items()}
    return value


def answer(question: dict) -> dict:
    module = importlib.import_module(question["module"])
    if not hasattr(module, question["name"]):
        return {"missing": f"module {question['module']} has no {question['name']}"}
    found = getattr(module, question["name"])
    if question["kind"] == "get":
        return {"callable": True} if callable(found) else {"value": packed(found)}
    arguments = [unpacked(one) for one in question["arguments"]]
    named = {name: unpacked(one) for name, one in question["named"].items()}
    return {"value": packed(found(*arguments, **named))}


def main() -> None:
    replies = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, ".")
    while True:
        magic, nonce, length = HEAD.unpack(read_all(HEAD.size))
        question = json.loads(read_all(length))
        try:
            said = json.dumps(answer(question), allow_nan=False)
        except Exception as error:
            said = json.dumps({"error": f"{type(error).__name__}: {error}"[:2000]})
        data = said.encode()
        write_all(replies, HEAD.pack(magic, nonce, len(data)) + data)


if __name__ == "__main__":
    main()
