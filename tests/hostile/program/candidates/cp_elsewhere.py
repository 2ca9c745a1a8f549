"""Far from the square, where there is room."""


def pack(circles, seconds):
    return [[10.0 * i, 0.5, 4.0] for i in range(circles)]
