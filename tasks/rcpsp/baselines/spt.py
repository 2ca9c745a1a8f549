def priority(f):
    """Shortest processing time first."""
    return -f["duration"]
