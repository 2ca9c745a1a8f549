"""Upward rank, earliest finish less the transfers saved."""


def rank(f):
    return f["upward"]


def place(f):
    return f["data_here"] - f["finish"]
