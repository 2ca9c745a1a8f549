def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    """Tight fits by rank, middling remainders last, the oldest bin among equals (after FunSearch's rule for uniform items)."""
    ranks = ((2, 4.0), (3, 3.0), (5, 2.0), (7, 1.0), (9, 0.9), (12, 0.95), (15, 0.97), (21, 0.98))
    rank = next((rank for most, rank in ranks if left <= most), 0.99)
    return rank - oldest * 1e-7
