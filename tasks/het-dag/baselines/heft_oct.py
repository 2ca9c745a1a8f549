"""Upward rank, earliest finish plus optimistic cost."""


def rank(f):
    return f["upward"]


def place(f):
    return -(f["finish"] + f["oct"])
