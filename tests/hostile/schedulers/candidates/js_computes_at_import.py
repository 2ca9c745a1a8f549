"""Cheat 17: computes while it is loaded."""

for _ in range(30_000_000):
    pass


def priority(f):
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
