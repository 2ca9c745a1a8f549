def priority(f):
    """Longest next operation."""
    return f["next_duration"] - 1000000 * f["wait"]
