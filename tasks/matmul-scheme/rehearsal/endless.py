"""Known bad: never answers."""


def scheme(size, seconds):
    while True:
        size += 1
