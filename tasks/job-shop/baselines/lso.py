def priority(f):
    """Longest next operation."""
    return f["next_duration"]
