"""Lists in lists, ten thousand deep."""


def pack(circles, seconds):
    found = []
    for _ in range(10_000):
        found = [found]
    return found
