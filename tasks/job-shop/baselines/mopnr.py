def priority(f):
    """Most operations remaining."""
    return f["remaining_ops"]
