def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    """Worst fit: the emptiest open bin; a new one only when none has room."""
    return room if room < capacity else -1
