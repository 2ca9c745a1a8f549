def priority(f):
    """Fewest operations remaining."""
    return -f["remaining_ops"]
