def priority(f):
    """Last in, first out."""
    return -f["waited"] - 1000000 * f["wait"]
