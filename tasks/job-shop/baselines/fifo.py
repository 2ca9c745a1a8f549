def priority(f):
    """First in, first out."""
    return f["waited"]
