def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    while True:
        pass
