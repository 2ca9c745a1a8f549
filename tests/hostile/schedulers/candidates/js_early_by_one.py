"""Cheat 5: the shipped schedule with its last operation one unit before its predecessor ends."""


def priority(f):
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]


def wrong(functions, instance):
    starts = honest(functions, instance)  # noqa: F821
    job = max(range(len(starts)), key=lambda number: starts[number][-1])
    starts[job][-1] = starts[job][-2] + instance["jobs"][job][-2][1] - 1
    return starts


solve = __import__("sys").modules["driver"].solve
solve.__globals__["honest"] = type(solve)(solve.__code__, solve.__globals__)
solve.__code__ = wrong.__code__
