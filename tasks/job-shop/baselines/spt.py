def priority(f):
    """Shortest processing time first."""
    return -f["duration"] - 1000000 * f["wait"]
