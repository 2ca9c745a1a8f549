def priority(f):
    """Earliest latest finish."""
    return -(f["latest"] + f["duration"])
