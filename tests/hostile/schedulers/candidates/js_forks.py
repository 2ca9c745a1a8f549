"""Cheat 17: lets a second process compute."""

if __import__("os").fork() == 0:
    while True:
        pass


def priority(f):
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
