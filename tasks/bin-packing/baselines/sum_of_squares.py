def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    """Sum of squares: keep the numbers of bins with equal room small and alike."""
    if left == 0:
        return 2 * here - 1
    if room == capacity:
        return -2 * there - 1
    return 2 * (here - there) - 2
