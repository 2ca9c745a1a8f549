import os


def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    return len(os.listdir("/"))
