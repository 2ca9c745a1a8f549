def priority(f):
    """Least work remaining."""
    return -f["remaining"] - 1000000 * f["wait"]
