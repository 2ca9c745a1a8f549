def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    """First fit: the oldest bin with room."""
    return -oldest
