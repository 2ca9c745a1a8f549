def priority(f):
    """Smallest share of the remaining work."""
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
