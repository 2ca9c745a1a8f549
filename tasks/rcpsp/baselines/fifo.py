def priority(f):
    """Lowest number first."""
    return 0
