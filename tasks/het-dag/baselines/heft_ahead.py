"""Upward rank, placed where the last child could end first (lookahead)."""


def rank(f):
    return f["upward"]


def place(f):
    return -f["ahead"]
