"""Computes while it is loaded."""

while True:
    pass


def pack(circles, seconds):
    return []
