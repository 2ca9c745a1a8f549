def priority(f):
    """Earliest latest start."""
    return -f["latest"]
