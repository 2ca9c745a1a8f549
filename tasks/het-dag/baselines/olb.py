"""Upward rank, the processor that is free first."""


def rank(f):
    return f["upward"]


def place(f):
    return -f["free"]
