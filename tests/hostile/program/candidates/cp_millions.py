"""Millions of circles."""


def pack(circles, seconds):
    return [[0.5, 0.5, 0.5]] * 300_000
