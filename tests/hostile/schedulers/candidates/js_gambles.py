"""Cheat 26: the best human rule on most machines, the worst on the rest."""


def priority(f):
    if f["machine_left"] % 5 == 0:
        return f["duration"]
    return -f["duration"] / f["remaining"]
