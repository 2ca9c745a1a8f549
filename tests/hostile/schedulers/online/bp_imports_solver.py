import ortools


def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    return -left
