def priority(f):
    """Least work remaining."""
    return -f["remaining"]
