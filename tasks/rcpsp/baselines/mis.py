def priority(f):
    """Most immediate successors."""
    return f["successors"]
