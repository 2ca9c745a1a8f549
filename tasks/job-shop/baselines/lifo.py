def priority(f):
    """Last in, first out."""
    return -f["waited"]
