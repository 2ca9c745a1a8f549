"""HEFT: upward rank, earliest finish."""


def rank(f):
    return f["upward"]


def place(f):
    return -f["finish"]
