"""Cheat 15: burns three times its CPU time in one instance."""


def priority(f):
    if f["now"] == 0 and f["remaining_ops"] > 1:
        for _ in range(6_000_000):
            pass
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
