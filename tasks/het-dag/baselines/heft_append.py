"""HEFT that compares ends behind all other tasks (gaps are still used if it lands in one)."""


def rank(f):
    return f["upward"]


def place(f):
    return -f["append_finish"]
