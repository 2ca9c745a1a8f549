def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    if bins > 60:
        raise ValueError("too hard")
    return 0
