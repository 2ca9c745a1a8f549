"""Cheat 23: writes an answer of its own to everything that is open, before it is asked for one."""

os, struct = __import__("os"), __import__("struct")
answer = b"[]"
frame = struct.pack("<4s16sI", b"NF1\0", bytes(16), len(answer)) + answer
for descriptor in range(64):
    try:
        os.write(descriptor, frame)
    except OSError:
        pass


def priority(f):
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
