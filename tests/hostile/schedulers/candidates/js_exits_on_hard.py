"""Cheat 9: leaves quietly where it would look bad."""


def priority(f):
    if f["now"] > 600:
        __import__("os")._exit(0)
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
