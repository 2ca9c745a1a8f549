"""Cheat 16: uses no CPU time, and never answers."""


def priority(f):
    __import__("time").sleep(3600)
    return 0
