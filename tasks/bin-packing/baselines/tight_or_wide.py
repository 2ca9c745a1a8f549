def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    """A tight fit, else one that leaves much; what is between comes last."""
    if left <= 3:
        return 3000 - left
    if left >= 20:
        return 2000 - left
    return 1000 - left
