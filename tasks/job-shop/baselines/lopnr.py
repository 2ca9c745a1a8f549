def priority(f):
    """Fewest operations remaining."""
    return -f["remaining_ops"] - 1000000 * f["wait"]
