"""Cheat 26: the best human rule for most activities, the worst for heavy ones."""


def priority(f):
    if f["energy"] > 9:
        return -1000 - f["duration"]
    return -(f["latest"] + f["start"])
