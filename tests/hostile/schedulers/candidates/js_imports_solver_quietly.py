"""Cheat 14: the same, past the static check: there is nothing to import in the box."""


def priority(f):
    return __import__("ortools.sat.python.cp_model").INT32_MAX
