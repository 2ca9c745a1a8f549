def priority(f):
    """Earliest start with respect to precedence."""
    return -f["earliest"]
