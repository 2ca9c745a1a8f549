"""Known bad: never answers."""


def cap(dimension, seconds):
    while True:
        dimension += 1
