"""Known bad: never answers."""


def pack(circles, seconds):
    while True:
        circles += 1
