def priority(f):
    """Most work remaining."""
    return f["remaining"]
