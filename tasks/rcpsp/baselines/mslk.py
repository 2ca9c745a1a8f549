def priority(f):
    """Least slack, from the start so far."""
    return -(f["latest"] - f["earliest"])
