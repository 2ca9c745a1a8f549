def priority(f):
    """Least slack of the critical path method."""
    return -f["slack"]
