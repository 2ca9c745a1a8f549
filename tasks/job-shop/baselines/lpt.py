def priority(f):
    """Longest processing time first."""
    return f["duration"]
