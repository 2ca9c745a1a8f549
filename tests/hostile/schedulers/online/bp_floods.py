def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    print("x" * 100000)
    return -left
