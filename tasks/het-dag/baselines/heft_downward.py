"""HEFT ordered by the longest path through the task."""


def rank(f):
    return f["upward"] + f["downward"]


def place(f):
    return -f["finish"]
