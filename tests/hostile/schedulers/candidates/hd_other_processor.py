"""Cheat 22b: places everything on a processor that does not exist."""


def rank(f):
    return 0


def place(f):
    return 0


solve = __import__("sys").modules["driver"].solve
solve.__code__ = (lambda functions, instance: [[99, 0] for _ in instance["costs"]]).__code__
