def priority(f):
    """Longest path to the end, the activity included."""
    return f["tail"] + f["duration"]
