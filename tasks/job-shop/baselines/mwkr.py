def priority(f):
    """Most work remaining."""
    return f["remaining"] - 1000000 * f["wait"]
