"""Known bad: all circles lie on one another."""


def pack(circles, seconds):
    return [[0.5, 0.5, 0.5] for _ in range(circles)]
