"""Cheat 17: lets a second thread compute."""

__import__("_thread").start_new_thread(lambda: [0 for _ in iter(int, 1)], ())


def priority(f):
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
