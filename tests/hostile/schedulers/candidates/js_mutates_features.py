"""Cheat 1: sets every number that it is shown to zero."""


def priority(f):
    value = -f["duration"] / f["remaining"] - 1000000 * f["wait"]
    for name in f:
        f[name] = 0
    return value
