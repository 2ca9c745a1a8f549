"""Cheat 9: gives up where it would look bad."""


def priority(f):
    if f["now"] > 600:
        raise RuntimeError("too hard")
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
