def priority(f):
    """Least work in the next queue."""
    return -f["next_queue"] - 1000000 * f["wait"]
