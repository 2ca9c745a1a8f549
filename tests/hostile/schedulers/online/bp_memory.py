_kept = []


def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    _kept.append(bytearray(64 * 1024 * 1024))
    return -left
