def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    """Best fit: the fullest bin with room."""
    return -left
